import { describe, expect, it } from 'vitest';
import { apiOf, problem, type Responder } from '../test/api';
import { message, row } from '../test/rows';
import { Outbox, type Outgoing, type OutboxKeep } from './outbox.svelte';

function keepOf(entries: Outgoing[] = []): OutboxKeep & { kept: Map<string, Outgoing> } {
  const kept = new Map(entries.map((entry) => [entry.id, entry]));
  return {
    kept,
    all: () => [...kept.values()],
    put: (entry) => kept.set(entry.id, entry),
    remove: (id) => kept.delete(id),
  };
}

const added = (id: string) => ({
  chat: row('chat', 1),
  message: message(5, { id, direction: 'out', status: 'queued' }),
});
const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

function outboxOf(respond: Responder, keep = keepOf()) {
  const { api, asked } = apiOf(respond);
  const sent: string[] = [];
  let next = 0;
  const outbox = new Outbox({
    api,
    keep,
    onSent: (_, { id }) => sent.push(id),
    makeId: () => `id-${++next}`,
    now: () => new Date(Date.UTC(2026, 0, 1, 12)),
    wait: () => Promise.resolve(),
  });
  return { outbox, asked, sent, keep };
}

const idOf = (body: unknown) => (body as { id: string }).id;

describe('outbox', () => {
  it('sends a message once and forgets it when the server has it', async () => {
    const { outbox, asked, sent, keep } = outboxOf(({ body }) => added(idOf(body)));
    outbox.send('chat', 'hello');
    expect(outbox.of('chat')).toHaveLength(1);
    await settle();
    expect(sent).toEqual(['id-1']);
    expect(asked.map((one) => one.body)).toEqual([{ id: 'id-1', text: 'hello' }]);
    expect(outbox.of('chat')).toEqual([]);
    expect(keep.kept.size).toBe(0);
  });

  it('repeats under the same id while nobody answers, and keeps the order of writing (CHAT-1)', async () => {
    let failures = 3;
    const { outbox, asked, sent } = outboxOf(({ body }) => {
      if (failures-- > 0) throw new TypeError('no network');
      return added(idOf(body));
    });
    outbox.send('chat', 'first');
    outbox.send('chat', 'second');
    await settle();
    expect(sent).toEqual(['id-1', 'id-2']);
    expect(asked.map((one) => idOf(one.body))).toEqual(['id-1', 'id-1', 'id-1', 'id-1', 'id-2']);
  });

  it('waits while the server is overloaded', async () => {
    let failures = 2;
    const { outbox, sent } = outboxOf(({ body }) => (failures-- > 0 ? problem(503) : added(idOf(body))));
    outbox.send('chat', 'hello');
    await settle();
    expect(sent).toEqual(['id-1']);
  });

  it('leaves a refused message in its place with the reason, for the author to decide', async () => {
    let isAllowed = false;
    const { outbox, asked, sent } = outboxOf(({ body }) =>
      isAllowed ? added(idOf(body)) : problem(403, 'Taken by Anna'),
    );
    outbox.send('chat', 'hello');
    await settle();
    expect(outbox.of('chat')).toMatchObject([{ state: 'refused', reason: 'Taken by Anna' }]);
    isAllowed = true;
    outbox.retry('id-1');
    await settle();
    expect(sent).toEqual(['id-1']);
    expect(asked.map((one) => idOf(one.body))).toEqual(['id-1', 'id-1']);
  });

  it('lets later messages pass one that was refused', async () => {
    const { outbox, sent } = outboxOf(({ body }) => (idOf(body) === 'id-1' ? problem(400) : added(idOf(body))));
    outbox.send('chat', 'bad');
    outbox.send('chat', 'good');
    await settle();
    expect(sent).toEqual(['id-2']);
    expect(outbox.of('chat').map((entry) => entry.id)).toEqual(['id-1']);
  });

  it('goes on after a reload, but asks the author when it was long ago', async () => {
    const entry = {
      chatId: 'chat',
      text: 'x',
      replyTo: undefined,
      media: undefined,
      state: 'waiting',
      reason: undefined,
    } as const;
    const keep = keepOf([
      { ...entry, id: 'fresh', at: new Date(Date.UTC(2026, 0, 1, 11, 55)).toISOString() },
      { ...entry, id: 'stale', at: new Date(Date.UTC(2026, 0, 1, 9)).toISOString() },
    ]);
    const { outbox, sent } = outboxOf(({ body }) => added(idOf(body)), keep);
    await settle();
    expect(sent).toEqual(['fresh']);
    expect(outbox.of('chat')).toMatchObject([{ id: 'stale', state: 'refused' }]);
  });

  it('drops what was written to a chat that left the viewer (ROLE-8)', async () => {
    const { outbox, keep } = outboxOf(() => problem(400));
    outbox.send('chat', 'x');
    await settle();
    outbox.removeChat('chat');
    expect(outbox.of('chat')).toEqual([]);
    expect(keep.kept.size).toBe(0);
  });
});
