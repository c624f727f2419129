// The server's live events: one typed list, read in one place, applied in one place (world.svelte.ts).
import type { Frame } from '../live/sse';
import type { ChatRow, LiveEvent, Message } from '../nouns';

/** What each kind of event carries. */
export interface EventMap {
  message: { number: number; chat: ChatRow | undefined; chatId: string | undefined; message: Message };
  chat: { number: number; chat: ChatRow };
  gone: { number: number; chatId: string };
  settings: { number: number };
  signed_out: { number: number };
}

export type EventHandlers = { [Kind in keyof EventMap]: (event: EventMap[Kind]) => void };

/** Gives a frame to its handler. A kind that this version does not know is passed over. */
export function dispatch(frame: Frame, handlers: EventHandlers): void {
  const event = read(frame);
  if (!event) return;
  const { number } = event;
  if (event.kind === 'message' && event.message) {
    handlers.message({ number, chat: event.chat, chatId: event.chat?.id, message: event.message });
  } else if (event.kind === 'chat' && event.chat) handlers.chat({ number, chat: event.chat });
  else if (event.kind === 'gone' && event.gone) handlers.gone({ number, chatId: event.gone });
  else if (event.kind === 'settings') handlers.settings({ number });
  else if (event.kind === 'signed_out') handlers.signed_out({ number });
}

function read(frame: Frame): LiveEvent | undefined {
  if (frame.data === '') return undefined;
  try {
    return JSON.parse(frame.data) as LiveEvent;
  } catch {
    return undefined;
  }
}
