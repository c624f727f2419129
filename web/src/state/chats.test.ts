import { describe, expect, it } from 'vitest';
import type { ChatPage, ChatRow } from '../nouns';
import { apiOf } from '../test/api';
import { row } from '../test/rows';
import { Chats, inOrder, type ChatFilter } from './chats.svelte';

const pageRows = 50;

/** A server with its own truth: pages by a cursor, a number that grows with every change. */
class Server {
  rows = new Map<string, ChatRow>();
  number = 10;

  change(changed: ChatRow): ChatRow {
    this.number += 1;
    const full = { ...changed, version: this.number };
    this.rows.set(full.id, full);
    return full;
  }

  lose(id: string): number {
    this.rows.delete(id);
    return (this.number += 1);
  }

  sorted(filter: ChatFilter = 'all'): ChatRow[] {
    const all = [...this.rows.values()].sort(inOrder);
    if (filter === 'mine') return all.filter((one) => one.mine);
    return filter === 'all' ? all : all.filter((one) => one.unanswered > 0);
  }

  page(query: URLSearchParams): ChatPage {
    const rest = this.sorted(query.get('filter') as ChatFilter);
    const cursor = query.get('cursor');
    const from = cursor ? rest.findIndex((one) => inOrder(one, JSON.parse(cursor) as ChatRow) > 0) : 0;
    const chats = from < 0 ? [] : rest.slice(from, from + pageRows);
    const last = chats.at(-1);
    const isMore = last !== undefined && last !== rest.at(-1);
    return { chats, event: this.number, ...(isMore ? { next: JSON.stringify(last) } : {}) };
  }
}

function world(count: number, contact?: string) {
  const server = new Server();
  for (let index = 0; index < count; index++) server.change(row(`c${index}`, index));
  const { api, asked } = apiOf(({ query }) => server.page(query));
  return { server, asked, chats: new Chats(api, () => contact) };
}

const ids = (rows: readonly ChatRow[]) => rows.map((one) => one.id);

describe('chats', () => {
  it('stand unanswered first, then by last message (UNANS-2)', async () => {
    const { server, chats } = world(3);
    server.change(row('c0', 0, { unanswered: 2 }));
    await chats.reload();
    expect(ids(chats.list('all'))).toEqual(['c0', 'c2', 'c1']);
  });

  it('equal a fresh snapshot after any run of events, however pages and events overtake each other', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = randomFrom(seed);
      const { server, chats } = world(120);
      await chats.reload();
      const late: (() => void)[] = [];
      for (let step = 0; step < 60; step++) {
        const id = `c${Math.floor(random() * 130)}`;
        if (random() < 0.15 && server.rows.has(id)) {
          const number = server.lose(id);
          chats.remove(id, number);
        } else {
          const changed = server.change(row(id, Math.floor(random() * 500), { unanswered: random() < 0.3 ? 1 : 0 }));
          const number = server.number;
          if (random() < 0.3) late.push(() => chats.apply(changed, changed.version));
          chats.apply(changed, number);
        }
        if (random() < 0.05) await chats.more('all');
        // Answers to the viewer's own requests may come after newer events.
        if (random() < 0.3) late.shift()?.();
      }
      late.forEach((apply) => apply());
      const shown = chats.list('all');
      const expected = server.sorted().slice(0, shown.length);
      expect(ids(shown), `seed ${seed}`).toEqual(ids(expected));
      expect(shown).toEqual(expected);
      expect(shown.length).toBeGreaterThanOrEqual(Math.min(45, server.rows.size));
    }
  });

  it('show nothing between which rows are missing', async () => {
    const { server, chats } = world(120);
    await chats.reload();
    // Answered meanwhile, and older than all that is loaded: it belongs to a page that is not there yet.
    const changed = server.change(row('c3', 3));
    chats.apply(changed, server.number);
    expect(chats.list('all')).toHaveLength(50);
    await chats.more('all');
    await chats.more('all');
    expect(ids(chats.list('all'))).toEqual(ids(server.sorted()));
    expect(chats.isComplete('all')).toBe(true);
  });

  it('that left the viewer do not come back with an older answer (P10)', async () => {
    const { server, chats } = world(2);
    await chats.reload();
    const old = chats.get('c1') as ChatRow;
    chats.remove('c1', server.lose('c1'));
    chats.apply(old, old.version);
    expect(chats.get('c1')).toBeUndefined();
  });

  it('that come back to the viewer are shown again', async () => {
    const { server, chats } = world(2);
    await chats.reload();
    chats.remove('c1', server.lose('c1'));
    const back = server.change(row('c1', 5));
    chats.apply(back, server.number);
    expect(chats.get('c1')).toEqual(back);
  });

  it('disappear on reload when the snapshot has them no more, kept rows included', async () => {
    const { server, chats } = world(3);
    chats.restore([row('kept', 1), row('c1', 1)]);
    expect(ids(chats.list('all'))).toContain('kept');
    await chats.reload();
    expect(ids(chats.list('all'))).toEqual(ids(server.sorted()));
  });

  it('of another contact are refused inside a CRM frame', async () => {
    const { server, chats, asked } = world(1, '77');
    await chats.reload();
    expect(asked[0]?.query.get('contact')).toBe('77');
    const foreign = server.change(row('foreign', 9));
    expect(chats.apply(foreign, server.number)).toBe(false);
    expect(chats.get('foreign')).toBeUndefined();
    expect(chats.apply(row('second', 9, { clientId: 'client-c0' }), server.number)).toBe(true);
  });

  it('count red and grey apart (UNANS-3)', async () => {
    const { server, chats } = world(4);
    server.change(row('c0', 1, { unanswered: 3 }));
    server.change(row('c1', 1, { unanswered: 1, mine: false }));
    await chats.reload();
    expect(chats.waiting).toEqual({ red: 1, grey: 1 });
    expect(ids(chats.list('unanswered'))).toEqual(['c1', 'c0']);
  });
});

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
