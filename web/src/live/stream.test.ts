import { describe, expect, it } from 'vitest';
import { LiveStream, type Connection } from './stream';
import type { Frame } from './sse';

/** A server that answers each attempt with the next script and remembers what was asked for. */
class ScriptedServer {
  asked: number[] = [];
  #answers: (() => Response)[];

  constructor(answers: (() => Response)[]) {
    this.#answers = answers;
  }

  open = async (after: number): Promise<Response> => {
    this.asked.push(after);
    const next = this.#answers.shift();
    if (!next) throw new TypeError('no network');
    return next();
  };
}

const events = (...numbers: number[]) => new Response(numbers.map((n) => `id: ${n}\ndata: ${n}\n\n`).join(''));

interface Run {
  numbers: number[];
  connections: Connection[];
  pauses: number[];
  asked: number[];
}

/** Runs a stream until the pause number `stopAfterPauses`. */
async function run(
  answers: (() => Response)[],
  stopAfterPauses: number,
  extra: { onTooOld?: () => Promise<number>; onUnauthorized?: () => Promise<boolean> } = {},
): Promise<Run> {
  const server = new ScriptedServer(answers);
  const result: Run = { numbers: [], connections: [], pauses: [], asked: server.asked };
  const stream = new LiveStream(10, {
    open: server.open,
    onFrame: (frame: Frame) => result.numbers.push(Number(frame.id)),
    onConnection: (connection) => result.connections.push(connection),
    onTooOld: extra.onTooOld ?? (async () => 0),
    onUnauthorized: extra.onUnauthorized ?? (async () => false),
    random: () => 1,
    wait: async (milliseconds) => {
      result.pauses.push(milliseconds);
      if (result.pauses.length >= stopAfterPauses) stream.stop();
    },
  });
  await stream.run();
  return result;
}

describe('live stream', () => {
  it('asks again from the last number after a cut', async () => {
    const { asked, numbers } = await run([() => events(11, 12), () => events(13)], 2);
    expect(asked).toEqual([10, 12]);
    expect(numbers).toEqual([11, 12, 13]);
  });

  it('waits longer after each failure and not longer after a success', async () => {
    const { pauses } = await run([() => new Response('', { status: 503 })], 8);
    expect(pauses).toEqual([400, 800, 1600, 3200, 6400, 12800, 15000, 15000]);
    const healed = await run([() => new Response('', { status: 502 }), () => events(11)], 2);
    expect(healed.pauses).toEqual([400, 400]);
  });

  it('loads the snapshot anew when the events are too old, and goes on from its number', async () => {
    const { asked } = await run([() => new Response('', { status: 410 }), () => events(51)], 1, {
      onTooOld: async () => 50,
    });
    expect(asked).toEqual([10, 50]);
  });

  it('treats a reset event like too old', async () => {
    const reset = () => new Response('id: 11\nevent: reset\ndata: {}\n\nid: 12\ndata: 12\n\n');
    const { asked, numbers } = await run([reset, () => events(31)], 1, { onTooOld: async () => 30 });
    expect(asked).toEqual([10, 30]);
    expect(numbers).toEqual([31]);
  });

  it('tries the snapshot again when loading it fails', async () => {
    let tries = 0;
    const onTooOld = async () => {
      tries += 1;
      if (tries === 1) throw new Error('down');
      return 70;
    };
    const gone = () => new Response('', { status: 410 });
    const { asked } = await run([gone, gone, () => events(71)], 2, { onTooOld });
    expect(asked).toEqual([10, 10, 70]);
  });

  it('ends when nobody is signed in any more, and goes on with a renewed bearer', async () => {
    const refused = () => new Response('', { status: 401 });
    expect((await run([refused], 9)).asked).toEqual([10]);
    const renewed = await run([refused, () => events(11)], 2, { onUnauthorized: async () => true });
    expect(renewed.numbers).toEqual([11]);
  });

  it('says broken only after a second failure in a row', async () => {
    const { connections } = await run([() => events(11)], 2);
    expect(connections).toEqual(['live', 'connecting', 'broken']);
  });

  it('gives up a connection that is silent for too long', async () => {
    let aborted = false;
    const stream: LiveStream = new LiveStream(0, {
      open: async (_, signal) => {
        const body = new ReadableStream<Uint8Array>({
          start: (controller) =>
            signal.addEventListener('abort', () => {
              aborted = true;
              controller.error(new Error('aborted'));
            }),
        });
        return new Response(body);
      },
      onFrame: () => undefined,
      onConnection: () => undefined,
      onTooOld: async () => 0,
      onUnauthorized: async () => false,
      silenceMilliseconds: 5,
      wait: async () => stream.stop(),
    });
    await stream.run();
    expect(aborted).toBe(true);
  });
});
