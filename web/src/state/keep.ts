// What this browser keeps so that screens are painted at once: chats and messages in IndexedDB, drafts and unsent
// messages in localStorage. Everything is named by the employee and wiped when that employee signs out. Inside a
// CRM's frame nothing is kept.
import type { ChatRow, Message } from '../nouns';
import type { OutboxKeep } from './outbox.svelte';

export interface Keep {
  chats: () => Promise<ChatRow[]>;
  putChats: (rows: ChatRow[]) => void;
  thread: (chatId: string) => Promise<Message[]>;
  putThread: (chatId: string, messages: readonly Message[]) => void;
  removeChat: (chatId: string) => void;
  draft: (chatId: string) => string;
  putDraft: (chatId: string, text: string) => void;
  outbox: OutboxKeep;
  wipe: () => Promise<void>;
}

/** Keeps nothing beyond the page's life. */
export function memoryKeep(): Keep {
  const drafts = new Map<string, string>();
  return {
    chats: async () => [],
    putChats: () => undefined,
    thread: async () => [],
    putThread: () => undefined,
    removeChat: (chatId) => drafts.delete(chatId),
    draft: (chatId) => drafts.get(chatId) ?? '',
    putDraft: (chatId, text) => drafts.set(chatId, text),
    outbox: { all: () => [], put: () => undefined, remove: () => undefined },
    wipe: async () => drafts.clear(),
  };
}
