// The tabs of one browser: one of them leads (reads and sends), the others are told what it learned.
import type { Entry, Receipt } from './protocol';

export type TabMessage =
  | { kind: 'entries'; clientId: string; entries: Entry[] }
  | { kind: 'sent'; receipt: Receipt; text: string }
  | { kind: 'unsent'; id: string }
  | { kind: 'discarded'; id: string }
  | { kind: 'active' };

export interface TabEvents {
  leads: () => void;
  hears: (message: TabMessage) => void;
}

/**
 * The tab in use leads: it takes the Web Lock over from whoever holds it, and the loser queues for its return.
 * Where the browser has no Web Locks (plain http) every tab leads; the message ids keep that harmless.
 */
export class Tabs {
  isLeading = false;
  private isClaiming = false;
  private isStopped = false;
  private queued: AbortController | undefined;
  private release: (() => void) | undefined;

  constructor(
    private readonly name: string,
    private readonly webLocks: LockManager | undefined,
    private readonly channel: BroadcastChannel | undefined,
    private readonly events: TabEvents,
  ) {
    this.channel?.addEventListener('message', (event: MessageEvent<TabMessage>) => this.events.hears(event.data));
  }

  /** Joins the tabs; a visible one leads at once. */
  start(isVisible: boolean): void {
    this.isStopped = false;
    if (!this.webLocks || !this.channel) this.lead();
    else if (isVisible) this.claim();
    else this.queue();
  }

  claim(): void {
    if (this.isLeading || this.isClaiming || this.isStopped) return;
    this.isClaiming = true;
    this.queued?.abort();
    void this.take({ steal: true });
  }

  tell(message: TabMessage): void {
    this.channel?.postMessage(message);
  }

  /** Leaves, so that another tab leads and the page may go into the back-forward cache. */
  stop(): void {
    this.isStopped = true;
    this.isLeading = false;
    this.queued?.abort();
    this.release?.();
  }

  private lead(): void {
    this.isLeading = true;
    this.events.leads();
  }

  private queue(): void {
    this.queued = new AbortController();
    void this.take({ signal: this.queued.signal });
  }

  private async take(options: LockOptions): Promise<void> {
    let wasGranted = false;
    const hold = () => {
      wasGranted = true;
      return this.hold();
    };
    try {
      await this.webLocks?.request(this.name, options, hold);
    } catch {
      if (wasGranted) this.lose();
      // Locks are forbidden here (an opaque origin): lead alone.
      else if (!options.signal?.aborted) this.lead();
    }
  }

  private hold(): Promise<void> {
    this.isClaiming = false;
    if (this.isStopped) return Promise.resolve();
    const held = new Promise<void>((resolve) => (this.release = resolve));
    this.lead();
    return held;
  }

  private lose(): void {
    this.isLeading = false;
    if (!this.isStopped) this.queue();
  }
}
