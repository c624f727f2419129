// The live news of this tab, whether it listens itself or another tab of the browser listens for it.
// Start to listen before the snapshot is loaded: what is heard meanwhile waits and is applied after it.
import type { Frame } from './sse';
import { LiveStream, type Connection, type StreamOptions } from './stream';
import type { TabNote, TabWorld } from './tabs';

export interface HubOptions {
  open: StreamOptions['open'];
  onUnauthorized: StreamOptions['onUnauthorized'];
  /** Called once per event, in order. */
  onFrame: (frame: Frame) => void;
  onConnection: (connection: Connection) => void;
  /** Loads the snapshot anew and gives the number it was taken at. */
  loadSnapshot: () => Promise<number>;
  tabs?: TabWorld | undefined;
  wait?: StreamOptions['wait'];
}

export class LiveHub {
  #options: HubOptions;
  #after = 0;
  #isReady = false;
  #waiting: Frame[] = [];
  #stop = new AbortController();
  #stream?: LiveStream;

  constructor(options: HubOptions) {
    this.#options = options;
    options.tabs?.channel.listen((note) => this.#hear(note));
  }

  /** Loads the first snapshot, then listens until stop(). */
  async start(): Promise<void> {
    await this.#reload();
    const { tabs } = this.#options;
    if (!tabs) return this.#lead();
    await tabs.lock(() => this.#lead(), this.#stop.signal).catch(() => undefined);
  }

  /** The number of the newest event that this tab has applied. */
  get after(): number {
    return this.#after;
  }

  restart(): void {
    this.#stream?.restart();
  }

  stop(): void {
    this.#stop.abort();
    this.#stream?.stop();
    this.#options.tabs?.channel.close();
  }

  async #lead(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#post({ kind: 'leading', after: this.#after });
    const { open, onUnauthorized, wait } = this.#options;
    this.#stream = new LiveStream(this.#after, {
      open,
      onUnauthorized,
      ...(wait ? { wait } : {}),
      onFrame: (frame) => {
        this.#post({ kind: 'frame', frame });
        this.#take(frame);
      },
      onConnection: (connection) => {
        this.#post({ kind: 'connection', connection });
        this.#options.onConnection(connection);
      },
      onTooOld: async () => {
        await this.#reload();
        this.#post({ kind: 'leading', after: this.#after });
        return this.#after;
      },
    });
    await this.#stream.run();
  }

  #post(note: TabNote): void {
    if (!this.#stop.signal.aborted) this.#options.tabs?.channel.post(note);
  }

  #hear(note: TabNote): void {
    if (note.kind === 'frame') this.#take(note.frame);
    else if (note.kind === 'connection') this.#options.onConnection(note.connection);
    else if (note.after > this.#after && this.#isReady) void this.#catchUp();
  }

  /** The listening tab is ahead of this one: what lies between was never heard here. */
  async #catchUp(): Promise<void> {
    await this.#reload().catch(() => {
      this.#isReady = true;
    });
  }

  async #reload(): Promise<void> {
    this.#isReady = false;
    this.#after = await this.#options.loadSnapshot();
    this.#isReady = true;
    const waited = this.#waiting;
    this.#waiting = [];
    waited.forEach((frame) => this.#take(frame));
  }

  #take(frame: Frame): void {
    if (!this.#isReady) {
      this.#waiting.push(frame);
      return;
    }
    const number = Number(frame.id);
    if (number > 0 && number <= this.#after) return;
    if (number > 0) this.#after = number;
    this.#options.onFrame(frame);
  }
}
