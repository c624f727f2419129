import { describe, expect, it } from 'vitest';
import type { Message, MessagePage } from '../nouns';
import { apiOf, problem, type Asked } from '../test/api';
import { message } from '../test/rows';
import { Thread } from './messages.svelte';

function pageOf(all: Message[], { query }: Asked): MessagePage {
  const limit = Number(query.get('limit'));
  const after = query.get('after');
  const before = Number(query.get('before') ?? Infinity);
  const fitting = all.filter((one) => (after === null ? one.seq < before : one.seq > Number(after)));
  const messages = after === null ? fitting.slice(-limit) : fitting.slice(0, limit);
  return { messages, more: messages.length < fitting.length, event: 1 };
}

function threadOf(all: Message[]) {
  const { api, asked } = apiOf((one) => pageOf(all, one));
  return { thread: new Thread(api, 'chat'), asked };
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => message(index + 1));
const seqs = (thread: Thread) => thread.list.map((one) => one.seq);
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** Lets answers that are under way arrive. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

describe('thread', () => {
  it('loads the newest page, then older ones up to the first message', async () => {
    const { thread } = threadOf(upTo(120));
    await thread.load();
    expect(seqs(thread)).toEqual(numbers(71, 120));
    await thread.loadOlder();
    await thread.loadOlder();
    await thread.loadOlder();
    expect(seqs(thread)).toEqual(numbers(1, 120));
    expect(thread.hasOlder).toBe(false);
  });

  it('fills a hole before it shows a message beyond it (CHAT-2)', async () => {
    const all = upTo(10);
    const { thread } = threadOf(all);
    await thread.load();
    all.push(message(11), message(12), message(13));
    thread.apply(message(13));
    expect(seqs(thread)).toEqual(numbers(1, 10));
    await settle();
    expect(seqs(thread)).toEqual(numbers(1, 13));
  });

  it('takes only newer states of a message, so that statuses never move back (P4)', async () => {
    const { thread } = threadOf([message(1, { status: 'sent', version: 8 })]);
    await thread.load();
    thread.apply(message(1, { status: 'read', version: 9 }));
    thread.apply(message(1, { status: 'sending', version: 7 }));
    expect(thread.list[0]?.status).toBe('read');
  });

  it('does not lose what it heard while the first page was under way', async () => {
    let release: (page: MessagePage) => void = () => undefined;
    const { api } = apiOf(() => new Promise((resolve) => (release = resolve)));
    const thread = new Thread(api, 'chat');
    const loading = thread.load();
    await settle();
    thread.apply(message(3));
    release({ messages: upTo(2), event: 2 });
    await loading;
    expect(seqs(thread)).toEqual([1, 2, 3]);
  });

  it('joins what was kept with the newest page, or drops it when numbers between are missing', async () => {
    const near = threadOf(upTo(60)).thread;
    near.restore(upTo(15));
    await near.load();
    expect(seqs(near)).toEqual(numbers(1, 60));
    const far = threadOf(upTo(200)).thread;
    far.restore(upTo(15));
    await far.load();
    expect(seqs(far)).toEqual(numbers(151, 200));
    expect(far.hasOlder).toBe(true);
  });

  it('equals a fresh load after the events in between were lost', async () => {
    const all = upTo(300);
    const { thread } = threadOf(all);
    await thread.load();
    all.splice(280, 1, message(281, { text: 'edited', version: 900 }));
    all.push(...numbers(301, 320).map((seq) => message(seq)));
    await thread.reload(2);
    expect(thread.list).toEqual(all.slice(250));
  });

  it('asks nobody when it already holds everything up to the snapshot', async () => {
    const { thread, asked } = threadOf(upTo(3));
    await thread.load();
    await thread.reload(1);
    expect(asked).toHaveLength(1);
  });

  it('says that it could not be loaded, and can be loaded again', async () => {
    let isDown = true;
    const { api } = apiOf((one) => (isDown ? problem(503) : pageOf(upTo(2), one)));
    const thread = new Thread(api, 'chat');
    await thread.load();
    expect(thread.isLoaded).toBe(false);
    expect(thread.error).toBeDefined();
    isDown = false;
    await thread.load();
    expect(thread.error).toBeUndefined();
    expect(seqs(thread)).toEqual([1, 2]);
  });
});
