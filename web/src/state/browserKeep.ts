// The keep of the full app: IndexedDB and localStorage of this browser.
import type { ChatRow, Message } from '../nouns';
import type { Keep } from './keep';
import type { Outgoing, OutboxKeep } from './outbox.svelte';

const prefix = 'switchboard.';

/** Keeps on this machine, for one employee. */
export function browserKeep(employeeId: string): Keep {
  const database = openDatabase();
  const own = `${prefix}${employeeId}.`;
  return {
    chats: async () => ((await read(database, `${employeeId}:chats`)) as ChatRow[] | undefined) ?? [],
    putChats: (rows) => write(database, `${employeeId}:chats`, rows),
    thread: async (chatId) => ((await read(database, `${employeeId}:${chatId}`)) as Message[] | undefined) ?? [],
    putThread: (chatId, messages) => write(database, `${employeeId}:${chatId}`, messages),
    removeChat: (chatId) => {
      write(database, `${employeeId}:${chatId}`, undefined);
      localStorage.removeItem(`${own}draft.${chatId}`);
    },
    draft: (chatId) => localStorage.getItem(`${own}draft.${chatId}`) ?? '',
    putDraft: (chatId, text) => {
      if (text === '') localStorage.removeItem(`${own}draft.${chatId}`);
      else localStorage.setItem(`${own}draft.${chatId}`, text);
    },
    outbox: browserOutbox(`${own}outbox.`),
    wipe: async () => {
      keysWith(own).forEach((key) => localStorage.removeItem(key));
      await clear(database);
    },
  };
}

function browserOutbox(start: string): OutboxKeep {
  return {
    all: () =>
      keysWith(start)
        .map((key) => JSON.parse(localStorage.getItem(key) ?? 'null') as Outgoing | null)
        .filter((entry) => entry !== null)
        .sort((a, b) => (a.at < b.at ? -1 : 1)),
    put: (entry) => localStorage.setItem(start + entry.id, JSON.stringify(entry)),
    remove: (id) => localStorage.removeItem(start + id),
  };
}

function keysWith(start: string): string[] {
  return Object.keys(localStorage).filter((key) => key.startsWith(start));
}

type Database = Promise<IDBDatabase | undefined>;

const storeName = 'kept';

/** undefined where the browser keeps nothing (private windows of some browsers). */
function openDatabase(): Database {
  return new Promise((resolve) => {
    const request = indexedDB.open('switchboard', 1);
    request.onupgradeneeded = () => request.result.createObjectStore(storeName);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve(undefined);
  });
}

async function read(database: Database, key: string): Promise<unknown> {
  const opened = await database;
  if (!opened) return undefined;
  return new Promise((resolve) => {
    const request = opened.transaction(storeName).objectStore(storeName).get(key);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve(undefined);
  });
}

function write(database: Database, key: string, value: unknown): void {
  void database.then((opened) => {
    if (!opened) return;
    const store = opened.transaction(storeName, 'readwrite').objectStore(storeName);
    if (value === undefined) store.delete(key);
    // A plain copy: what comes from the state classes may be wrapped.
    else store.put(JSON.parse(JSON.stringify(value)), key);
  });
}

async function clear(database: Database): Promise<void> {
  const opened = await database;
  if (!opened) return;
  await new Promise<void>((resolve) => {
    const transaction = opened.transaction(storeName, 'readwrite');
    transaction.objectStore(storeName).clear();
    transaction.oncomplete = transaction.onerror = () => resolve();
  });
}
