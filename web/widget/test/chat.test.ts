import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Chat, type Surroundings } from '../src/chat';
import { Failure, judge, Protocol, retryAfterMs, type Entry } from '../src/protocol';
import { Store } from '../src/store';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A server in memory: `plan` says how each send ends. */
class FakeProtocol {
  plan: (Failure | 'lost' | undefined)[] = [];
  sessions = 0;
  readonly tries: string[] = [];
  readonly ledger: string[] = [];
  sessionFailure: Failure | undefined;
  private readonly known = new Set<string>();

  async startSession(): Promise<{ token: string; clientId: string }> {
    const failure = this.sessionFailure;
    this.sessionFailure = undefined;
    if (failure) throw failure;
    this.sessions++;
    return { token: `token${this.sessions}`, clientId: `client${this.sessions}` };
  }

  async send(_token: string, id: string, text: string): Promise<{ id: string; seq: number; at: string }> {
    const step = this.plan.shift();
    this.tries.push(id);
    if (step instanceof Failure) throw step;
    if (!this.known.has(id)) this.ledger.push(text);
    this.known.add(id);
    if (step === 'lost') throw new Failure('again');
    return { id, seq: this.ledger.length, at: new Date().toISOString() };
  }

  read(_token: string, _after: number, _wait: number, signal?: AbortSignal): Promise<Entry[]> {
    return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Failure('cancelled'))));
  }
}

function newChat(protocol: FakeProtocol, more: Partial<Surroundings> = {}): Chat {
  let made = 0;
  const store = new Store(undefined, 'p:');
  const around = { protocol, store, webLocks: undefined, channel: undefined, now: () => Date.now(), random: () => 0.5 };
  const chat = new Chat(
    { ...around, newId: () => `id${made++}`, isOnline: () => true, closed: () => undefined, ...more },
    {},
  );
  chat.start(true);
  chat.setOpen(true);
  return chat;
}

const states = (chat: Chat) => {
  const { messages, unsent } = chat.picture();
  return [...messages.map((m) => `sent ${m.text}`), ...unsent.map((u) => `${u.refused ?? 'pending'} ${u.text}`)];
};

test('a lost answer is asked for again with the same id', async () => {
  const protocol = new FakeProtocol();
  protocol.plan = ['lost', 'lost', undefined];
  const chat = newChat(protocol);
  chat.send('a');
  await vi.advanceTimersByTimeAsync(5000);
  expect(protocol.tries).toEqual(['id0', 'id0', 'id0']);
  expect(protocol.ledger).toEqual(['a']);
  expect(states(chat)).toEqual(['sent a']);
});

test('Retry-After is obeyed, whatever wakes the chat', async () => {
  const protocol = new FakeProtocol();
  protocol.plan = [new Failure('again', 429, 12_000)];
  const chat = newChat(protocol);
  chat.send('a');
  await vi.advanceTimersByTimeAsync(11_000);
  chat.foundNetwork();
  chat.send('b');
  await vi.advanceTimersByTimeAsync(900);
  expect(protocol.tries).toEqual(['id0']);
  expect(chat.picture().trouble).toBeUndefined();
  await vi.advanceTimersByTimeAsync(200);
  expect(protocol.ledger).toEqual(['a', 'b']);
});

test('a network that comes back ends the pause at once', async () => {
  const protocol = new FakeProtocol();
  protocol.plan = Array.from({ length: 100 }, () => new Failure('again'));
  const chat = newChat(protocol);
  chat.send('a');
  await vi.advanceTimersByTimeAsync(50_000);
  const before = protocol.tries.length;
  chat.foundNetwork();
  await vi.advanceTimersByTimeAsync(1);
  expect(protocol.tries.length).toBe(before + 1);
});

test('pauses grow, so a dead server is not hammered', async () => {
  const protocol = new FakeProtocol();
  protocol.plan = Array.from({ length: 1000 }, () => new Failure('again', 500));
  const chat = newChat(protocol);
  chat.send('a');
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(protocol.tries.length).toBeGreaterThan(20);
  expect(protocol.tries.length).toBeLessThan(40);
  expect(states(chat)).toEqual(['pending a']);
  expect(chat.picture().trouble).toBe('server');
});

test('a token refused for ever makes no storm of sessions', async () => {
  const protocol = new FakeProtocol();
  protocol.plan = Array.from({ length: 1000 }, () => new Failure('token', 401));
  newChat(protocol).send('a');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(protocol.sessions).toBeGreaterThan(2);
  expect(protocol.sessions).toBeLessThan(12);
});

test('a refused message stays with its reason, a 409 is retried under a new id', async () => {
  const protocol = new FakeProtocol();
  protocol.plan = [new Failure('final', 409), undefined];
  const chat = newChat(protocol);
  chat.send('a');
  chat.send('b');
  await vi.advanceTimersByTimeAsync(10);
  expect(states(chat)).toEqual(['sent b', '409 a']);
  chat.retry('id0');
  await vi.advanceTimersByTimeAsync(10);
  expect(protocol.tries).toEqual(['id0', 'id1', 'id2']);
  expect(states(chat)).toEqual(['sent b', 'sent a']);
});

test('empty and too long texts are not taken', () => {
  const chat = newChat(new FakeProtocol());
  expect([chat.send(' \n'), chat.send('x'.repeat(4001)), chat.send(`${'😀'.repeat(4000)} `)]).toEqual([
    false,
    false,
    true,
  ]);
});

test('a closed channel stops everything and says so once', async () => {
  const protocol = new FakeProtocol();
  protocol.sessionFailure = new Failure('closed', 404);
  const closed = vi.fn();
  const chat = newChat(protocol, { closed });
  chat.send('a');
  await vi.advanceTimersByTimeAsync(60_000);
  expect([closed.mock.calls.length, chat.picture().isClosed, protocol.tries.length]).toEqual([1, true, 0]);
});

test('statuses mean what the protocol says', () => {
  const verdicts = [401, 403, 404, 400, 409, 413, 422, 429, 408, 500, 503].map((status) => judge(status, true));
  const final = ['final', 'final', 'final', 'final'];
  expect(verdicts).toEqual(['token', 'closed', 'closed', ...final, 'again', 'again', 'again', 'again']);
  expect([401, 403, 404, 400].map((status) => judge(status, false))).toEqual(['again', 'again', 'again', 'final']);
  expect(['12', null, 'soon', '99999'].map(retryAfterMs)).toEqual([12_000, 0, 0, 600_000]);
});

test.each(['<html>', 'null', '{"id":"other","seq":1,"at":""}', '{"id":"a"}'])(
  'a strange good answer is no receipt: %s',
  async (body) => {
    const protocol = new Protocol('https://h.example', async () => new Response(body, { status: 200 }));
    await expect(protocol.send('t', 'a', 'x')).rejects.toMatchObject({ verdict: 'again' });
  },
);

test('a request that hangs is given up', async () => {
  const hang: typeof fetch = (_, init) =>
    new Promise((_, reject) =>
      init?.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError'))),
    );
  const sending = new Protocol('https://h.example', hang).send('t', 'a', 'x');
  const expected = expect(sending).rejects.toMatchObject({ verdict: 'again' });
  await vi.advanceTimersByTimeAsync(20_000);
  await expected;
});
