// One live stream: catches up from the last number, applies frames in order, comes back after every break.
import { readFrames, type Frame } from './sse';

export type Connection = 'connecting' | 'live' | 'broken';

/** Why an attempt to listen ended. */
type Ending = 'cut' | 'unauthorized' | 'too_old' | 'stopped';

export interface StreamOptions {
  /** Asks the server for events after a number. */
  open: (after: number, signal: AbortSignal) => Promise<Response>;
  onFrame: (frame: Frame) => void;
  onConnection: (connection: Connection) => void;
  /** The server no longer has the events asked for: load the snapshot anew and give its number. */
  onTooOld: () => Promise<number>;
  /** Nobody is signed in any more; gives true when a new bearer is at hand. */
  onUnauthorized: () => Promise<boolean>;
  /** Waits, but not longer than until `wake` is called. */
  wait?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  random?: () => number;
  /** Silence longer than this means a dead connection; the server speaks every 15 s. */
  silenceMilliseconds?: number;
}

const firstPause = 400;
const longestPause = 15_000;

export class LiveStream {
  #options: StreamOptions;
  #after: number;
  #stop = new AbortController();
  #wake = new AbortController();
  #attempt?: AbortController;
  #failures = 0;

  constructor(after: number, options: StreamOptions) {
    this.#after = after;
    this.#options = options;
  }

  /** The number of the newest event applied. */
  get after(): number {
    return this.#after;
  }

  /** Listens until stop() is called. */
  async run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const ending = await this.#listen();
      if (!(await this.#recover(ending))) return;
    }
  }

  /** Ends the pause before the next attempt, for instance when the machine is online again. */
  wake(): void {
    this.#wake.abort();
  }

  /** Drops the connection and opens another one; after sleep the old one may be dead without saying so. */
  restart(): void {
    this.#attempt?.abort();
    this.wake();
  }

  stop(): void {
    this.#stop.abort();
    this.#attempt?.abort();
  }

  async #listen(): Promise<Ending> {
    const attempt = new AbortController();
    this.#attempt = attempt;
    const silence = new Watchdog(this.#options.silenceMilliseconds ?? 40_000, () => attempt.abort());
    try {
      const response = await this.#options.open(this.#after, attempt.signal);
      if (response.status === 401) return 'unauthorized';
      if (response.status === 410) return 'too_old';
      if (!response.ok || !response.body) return 'cut';
      return await this.#read(response.body, silence);
    } catch {
      return this.#stop.signal.aborted ? 'stopped' : 'cut';
    } finally {
      silence.stop();
      attempt.abort();
    }
  }

  async #read(body: ReadableStream<Uint8Array>, silence: Watchdog): Promise<Ending> {
    this.#options.onConnection('live');
    for await (const frame of readFrames(body, () => silence.feed())) {
      if (this.#stop.signal.aborted) return 'stopped';
      this.#failures = 0;
      if (frame.event === 'reset') return 'too_old';
      this.#options.onFrame(frame);
      const number = Number(frame.id);
      if (number > this.#after) this.#after = number;
    }
    return 'cut';
  }

  /** Gives false when there is nothing to come back to. */
  async #recover(ending: Ending): Promise<boolean> {
    if (ending === 'stopped' || this.#stop.signal.aborted) return false;
    this.#options.onConnection(this.#failures === 0 ? 'connecting' : 'broken');
    if (ending === 'unauthorized' && !(await this.#options.onUnauthorized())) return false;
    if (ending === 'too_old' && (await this.#reload())) return true;
    await this.#pause();
    return !this.#stop.signal.aborted;
  }

  async #reload(): Promise<boolean> {
    try {
      this.#after = await this.#options.onTooOld();
      return true;
    } catch {
      return false;
    }
  }

  async #pause(): Promise<void> {
    const { wait = waitFor, random = Math.random } = this.#options;
    const longest = Math.min(longestPause, firstPause * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    this.#wake = new AbortController();
    const signal = AbortSignal.any([this.#wake.signal, this.#stop.signal]);
    await wait(longest * (0.5 + random() / 2), signal);
  }
}

class Watchdog {
  #timer: ReturnType<typeof setTimeout>;
  #milliseconds: number;
  #bite: () => void;

  constructor(milliseconds: number, bite: () => void) {
    this.#milliseconds = milliseconds;
    this.#bite = bite;
    this.#timer = setTimeout(bite, milliseconds);
  }

  feed(): void {
    this.stop();
    this.#timer = setTimeout(this.#bite, this.#milliseconds);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

export function waitFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
