import type { Locator } from 'playwright-core';

/** Waits for a signal, at most so long; the error says what was awaited. */
export async function within<T>(
  seconds: number,
  what: string,
  signal: Promise<T>,
  more: () => string = () => '',
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${seconds} s: ${what}\n${more()}`)), seconds * 1000);
  });
  try {
    return await Promise.race([signal, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What is on the screen within the time; the error says what was awaited. */
export async function seen(locator: Locator, what: string, seconds = 5): Promise<Locator> {
  await waitFor(locator, 'visible', what, seconds);
  return locator;
}

/** What is not on the screen, or leaves it within the time. */
export function gone(locator: Locator, what: string, seconds = 5): Promise<void> {
  return waitFor(locator, 'hidden', `no longer there: ${what}`, seconds);
}

async function waitFor(locator: Locator, state: 'visible' | 'hidden', what: string, seconds: number): Promise<void> {
  try {
    await locator.first().waitFor({ state, timeout: seconds * 1000 });
  } catch (cause) {
    throw new Error(`not within ${seconds} s: ${what}`, { cause });
  }
}

/** How long something took, for the report. */
export class Stopwatch {
  readonly #from = performance.now();

  get seconds(): number {
    return (performance.now() - this.#from) / 1000;
  }

  /** What is left of a promised time; never so little that a look is impossible. */
  left(promisedSeconds: number): number {
    return Math.max(0.05, promisedSeconds - this.seconds);
  }
}
