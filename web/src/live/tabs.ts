// Tabs of one browser share one stream: Web Locks elect the tab that listens, BroadcastChannel feeds the others.
import type { Connection } from './stream';
import type { Frame } from './sse';

export type TabNote =
  { kind: 'frame'; frame: Frame } | { kind: 'connection'; connection: Connection } | { kind: 'leading'; after: number };

/** What the tabs need from the browser; replaced in tests. */
export interface TabWorld {
  channel: { post: (note: TabNote) => void; listen: (hear: (note: TabNote) => void) => void; close: () => void };
  /** Runs `work` once this tab alone holds the lock, until the promise it gives settles. */
  lock: (work: () => Promise<void>, signal: AbortSignal) => Promise<void>;
}

/** The browser's own means, or undefined where it has none and each tab listens for itself. */
export function browserTabs(name: string): TabWorld | undefined {
  if (!('locks' in navigator) || typeof BroadcastChannel === 'undefined') return undefined;
  const channel = new BroadcastChannel(name);
  return {
    channel: {
      post: (note) => channel.postMessage(note),
      listen: (hear) => (channel.onmessage = (event: MessageEvent<TabNote>) => hear(event.data)),
      close: () => channel.close(),
    },
    lock: async (work, signal) => {
      await navigator.locks.request(name, { signal }, work);
    },
  };
}
