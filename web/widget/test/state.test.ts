import { expect, test } from 'vitest';
import { Conversation } from '../src/conversation';
import { Outbox } from '../src/outbox';
import type { Entry } from '../src/protocol';
import { Store } from '../src/store';

/** localStorage as two tabs see it, optionally full. */
function fakeArea(isFull = false): Storage {
  const methods = {
    getItem(this: Record<string, string>, key: string) {
      return Object.hasOwn(this, key) ? this[key] : null;
    },
    setItem(this: Record<string, string>, key: string, value: string) {
      if (isFull) throw new Error('QuotaExceededError');
      this[key] = value;
    },
    removeItem(this: Record<string, string>, key: string) {
      Reflect.deleteProperty(this, key);
    },
  };
  return Object.create(methods) as Storage;
}

function outboxOn(store: Store, now = () => 1000): Outbox {
  let made = 0;
  return new Outbox(store, now, () => `id${made++}`);
}

test('unsent messages keep their order and ids over a reload', () => {
  const area = fakeArea();
  const outbox = outboxOn(new Store(area, 'p:'));
  for (const text of ['a', 'b', 'c']) outbox.add(text);
  const again = outboxOn(new Store(area, 'p:'));
  expect(again.list()).toEqual(outbox.list());
  expect(again.list().map((item) => item.text)).toEqual(['a', 'b', 'c']);
});

test('a clock that jumps back does not reorder', () => {
  let now = 5000;
  const outbox = outboxOn(new Store(undefined, 'p:'), () => now);
  outbox.add('a');
  now = 10;
  outbox.add('b');
  expect(outbox.list().map((item) => item.text)).toEqual(['a', 'b']);
});

test.each([fakeArea(true), undefined])('without room in storage messages wait in memory', (area) => {
  const outbox = outboxOn(new Store(area, 'p:'));
  outbox.add('a');
  expect(outbox.next()?.text).toBe('a');
});

test('a refused message lets the next one pass, and gets a new id only when its own is taken', () => {
  const outbox = outboxOn(new Store(fakeArea(), 'p:'));
  const [a, b] = [outbox.add('a'), outbox.add('b')];
  outbox.refuse(a.id, 400);
  expect(outbox.next()).toEqual(b);
  expect(outbox.retry(a.id, false)?.id).toBe(a.id);
  expect(outbox.retry(a.id, true)?.id).not.toBe(a.id);
  expect(outbox.list().map((item) => item.text)).toEqual(['a', 'b']);
});

test('another widget’s keys and broken values are left alone', () => {
  const area = fakeArea();
  area.setItem('q:out:x', '{"id":"x","text":"foreign"}');
  area.setItem('p:out:y', '{broken');
  area.setItem('p:out:z', '{"id":"other","text":"t"}');
  expect(outboxOn(new Store(area, 'p:')).list()).toEqual([]);
});

const entry = (seq: number, more: Partial<Entry> = {}): Entry => ({
  id: `m${seq}`,
  seq,
  at: '2026-03-02T09:15:30.123Z',
  direction: 'out',
  kind: 'text',
  text: `t${seq}`,
  ...more,
});
const history = [
  entry(1, { direction: 'in' }),
  entry(2),
  entry(3, { kind: 'edit', target: 'm2', text: 'first edit' }),
  entry(4),
  entry(5, { kind: 'edit', target: 'm2', text: 'second edit' }),
  entry(6, { kind: 'delete', target: 'm4' }),
  entry(7, { kind: 'edit', target: 'm4', text: 'too late' }),
  entry(8, { kind: 'hologram' }),
];
const looks = (conversation: Conversation) =>
  conversation.list().map((m) => `${m.seq} ${m.text}${m.edited ? ' (edited)' : ''}${m.deleted ? ' (deleted)' : ''}`);
const fresh = () => new Conversation(new Store(fakeArea(), 'p:'));

test('the latest edit counts, a deletion is final, unknown kinds are nothing', () => {
  const conversation = fresh();
  conversation.apply(history);
  expect(looks(conversation)).toEqual(['1 t1', '2 second edit (edited)', '4  (deleted)']);
  expect(conversation.cursor).toBe(8);
});

test('entries in any number of copies and portions give the same conversation', () => {
  const once = fresh();
  once.apply(history);
  for (let cut = 0; cut <= history.length; cut++) {
    const conversation = fresh();
    conversation.apply(history.slice(0, cut));
    conversation.confirm({ id: 'm1', seq: 1, at: history[0]?.at ?? '' }, 't1');
    conversation.apply(history.slice(Math.max(0, cut - 3)));
    conversation.apply(history);
    expect(looks(conversation)).toEqual(looks(once));
  }
});

test('a change that comes before its target waits for it', () => {
  const conversation = fresh();
  conversation.apply([entry(3, { kind: 'delete', target: 'm2' }), entry(2)]);
  expect(looks(conversation)).toEqual(['2  (deleted)']);
});

test('an answered POST does not move the place from which is read', () => {
  const conversation = fresh();
  conversation.confirm({ id: 'mine', seq: 5, at: '2026-03-02T09:15:30.123Z' }, 'x');
  expect(conversation.cursor).toBe(0);
});

test('the browser’s copy is for its own session, and a cut one is read again from the start', () => {
  const store = new Store(fakeArea(), 'p:');
  const long = new Conversation(store);
  long.apply(Array.from({ length: 250 }, (_, at) => entry(at + 1)));
  long.save('client');
  const [again, stranger] = [new Conversation(store), new Conversation(store)];
  again.restore('client');
  stranger.restore('somebody else');
  expect([again.cursor, again.list().length, stranger.list().length]).toEqual([0, 200, 0]);
});

test('unread are the company’s messages after the last one seen', () => {
  const conversation = fresh();
  conversation.apply(history);
  expect([conversation.countUnread(0), conversation.countUnread(2)]).toEqual([1, 0]);
});
