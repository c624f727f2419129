// Waiting that can be cut short, and how long to wait after failures.

const firstBackoffMs = 1000;
const maxBackoffMs = 30_000;

/** Doubles from 1 s to 30 s; half of it is random, so that a thousand visitors do not come back at one instant. */
export function backoffMs(failures: number, random: () => number): number {
  const full = Math.min(maxBackoffMs, firstBackoffMs * 2 ** Math.min(failures - 1, 10));
  return full / 2 + (full / 2) * random();
}

/** One sleeper. `wake` ends its sleep, except a firm one: the server asked for that time. */
export class Pause {
  private end: (() => void) | undefined;

  sleep(ms: number, isFirm = false): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        this.end = undefined;
        resolve();
      };
      const timer = setTimeout(finish, ms);
      this.end = isFirm ? undefined : finish;
    });
  }

  wake(): void {
    this.end?.();
  }
}
