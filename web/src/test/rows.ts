import type { ChatRow, Message } from '../nouns';

/** A chat row; time is minutes of one day. */
export function row(id: string, minute: number, rest: Partial<ChatRow> = {}): ChatRow {
  return {
    id,
    channelId: 'channel',
    clientId: `client-${id}`,
    name: id,
    unanswered: 0,
    mine: true,
    lastSeq: 1,
    lastAt: new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString(),
    clientState: 'linked',
    version: 1,
    ...rest,
  };
}

export function message(seq: number, rest: Partial<Message> = {}): Message {
  return {
    id: `m${seq}`,
    seq,
    direction: 'in',
    kind: 'text',
    text: `text ${seq}`,
    at: new Date(Date.UTC(2026, 0, 1, 0, seq)).toISOString(),
    status: 'received',
    version: seq,
    ...rest,
  };
}
