// The present time for relative times on the screen, moved on every half minute.
class Clock {
  #now = $state(Date.now());

  constructor() {
    if (typeof window !== 'undefined') setInterval(() => (this.#now = Date.now()), 30_000);
  }

  /** Milliseconds since 1970. */
  get now(): number {
    return this.#now;
  }
}

export const clock = new Clock();
