import { describe, expect, it } from 'vitest';
import { LiveHub } from './hub';
import type { TabNote, TabWorld } from './tabs';

/** Tabs of one browser: one holds the lock, notes reach the others at once. */
class Browser {
  #hears: { owner: object; hear: (note: TabNote) => void }[] = [];
  #queue: (() => void)[] = [];
  #isHeld = false;

  tab(): TabWorld {
    const owner = {};
    return {
      channel: {
        post: (note) => this.#hears.filter((one) => one.owner !== owner).forEach((one) => one.hear(note)),
        listen: (hear) => this.#hears.push({ owner, hear }),
        close: () => (this.#hears = this.#hears.filter((one) => one.owner !== owner)),
      },
      lock: async (work, signal) => {
        if (this.#isHeld) await new Promise<void>((resolve) => this.#queue.push(resolve));
        if (signal.aborted) return;
        this.#isHeld = true;
        await work();
        this.#isHeld = false;
        this.#queue.shift()?.();
      },
    };
  }
}

/** A server whose journal is a list of numbers; connections stay open and can be cut. */
class Server {
  number = 5;
  tooOldBefore = 0;
  connections: ReadableStreamDefaultController<Uint8Array>[] = [];
  asked: number[] = [];
  #encoder = new TextEncoder();

  add(): void {
    this.number += 1;
    this.connections.forEach((one) => one.enqueue(this.#frame(this.number)));
  }

  cut(): void {
    this.connections.splice(0).forEach((one) => one.close());
  }

  open = async (after: number, signal: AbortSignal): Promise<Response> => {
    this.asked.push(after);
    if (after < this.tooOldBefore) return new Response('', { status: 410 });
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        for (let number = after + 1; number <= this.number; number++) controller.enqueue(this.#frame(number));
        this.connections.push(controller);
        signal.addEventListener('abort', () => {
          this.connections = this.connections.filter((one) => one !== controller);
          try {
            controller.error(new Error('aborted'));
          } catch {
            // It was cut before.
          }
        });
      },
    });
    return new Response(body);
  };

  #frame(number: number): Uint8Array {
    return this.#encoder.encode(`id: ${number}\nevent: x\ndata: {}\n\n`);
  }
}

/** A screen: a snapshot's number, then every event after it, each once and in order. */
class Screen {
  applied: number[] = [];
  snapshots = 0;
  hub: LiveHub;

  constructor(server: Server, tabs?: TabWorld) {
    this.hub = new LiveHub({
      tabs,
      open: server.open,
      onUnauthorized: async () => false,
      onConnection: () => undefined,
      onFrame: (frame) => this.applied.push(Number(frame.id)),
      wait: () => Promise.resolve(),
      loadSnapshot: async () => {
        this.snapshots += 1;
        this.applied = Array.from({ length: server.number }, (_, index) => index + 1);
        return server.number;
      },
    });
    void this.hub.start();
  }
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));
const all = (server: Server) => Array.from({ length: server.number }, (_, index) => index + 1);

describe('live news of a tab', () => {
  it('equal the journal after cuts, each event applied once', async () => {
    const server = new Server();
    const screen = new Screen(server);
    await settle();
    for (let round = 0; round < 5; round++) {
      server.add();
      await settle();
      server.cut();
      server.add();
      server.add();
      await settle();
    }
    expect(screen.applied).toEqual(all(server));
    expect(screen.snapshots).toBe(1);
    screen.hub.stop();
  });

  it('come from the snapshot when the journal is too old', async () => {
    const server = new Server();
    const screen = new Screen(server);
    await settle();
    server.tooOldBefore = 9;
    server.number = 12;
    server.cut();
    await settle();
    server.add();
    await settle();
    expect(screen.applied).toEqual(all(server));
    expect(screen.snapshots).toBe(2);
    screen.hub.stop();
  });

  it('are shared: one tab listens, all apply', async () => {
    const server = new Server();
    const browser = new Browser();
    const first = new Screen(server, browser.tab());
    await settle();
    const second = new Screen(server, browser.tab());
    await settle();
    server.add();
    server.add();
    await settle();
    expect(server.connections).toHaveLength(1);
    expect(first.applied).toEqual(all(server));
    expect(second.applied).toEqual(all(server));
    first.hub.stop();
    second.hub.stop();
  });

  it('go on in another tab when the listening one is closed', async () => {
    const server = new Server();
    const browser = new Browser();
    const first = new Screen(server, browser.tab());
    await settle();
    const second = new Screen(server, browser.tab());
    await settle();
    first.hub.stop();
    server.add();
    await settle();
    server.add();
    await settle();
    expect(second.applied).toEqual(all(server));
    expect(second.snapshots).toBe(1);
    second.hub.stop();
  });

  it('are loaded anew in a tab that the listening one has overtaken unheard', async () => {
    const server = new Server();
    const browser = new Browser();
    const deaf = browser.tab();
    const screen = new Screen(server, deaf);
    await settle();
    const other = browser.tab();
    server.number += 3;
    other.channel.post({ kind: 'leading', after: server.number });
    await settle();
    expect(screen.snapshots).toBe(2);
    expect(screen.applied).toEqual(all(server));
    screen.hub.stop();
  });

  it('are applied once though two tabs tell of them', async () => {
    const server = new Server();
    const browser = new Browser();
    const screen = new Screen(server, browser.tab());
    await settle();
    const other = browser.tab();
    server.add();
    await settle();
    other.channel.post({ kind: 'frame', frame: { id: String(server.number), event: 'x', data: '{}' } });
    expect(screen.applied).toEqual(all(server));
    screen.hub.stop();
  });
});
