// Messages on their way to the server. The client makes the id, so a repeat never sends twice; an entry leaves only
// when the server has the message or the author takes it back.
import { ApiError, type Api } from '../api/client';
import type { Attachment, ChatRow, Message, NewMessage } from '../nouns';

export interface Outgoing {
  chatId: string;
  id: string;
  text: string;
  replyTo: string | undefined;
  /** A file that the server has already. */
  media: Attachment | undefined;
  /** When the author pressed send; RFC 3339. */
  at: string;
  /** waiting: will be sent by itself; refused: the author decides. */
  state: 'waiting' | 'refused';
  reason: string | undefined;
}

/** Where entries survive a reload; one key per entry, so two tabs never overwrite each other. */
export interface OutboxKeep {
  all: () => Outgoing[];
  put: (entry: Outgoing) => void;
  remove: (id: string) => void;
}

export interface OutboxOptions {
  api: Api;
  keep: OutboxKeep;
  /** The server has it. */
  onSent: (chat: ChatRow, message: Message) => void;
  now?: () => Date;
  makeId?: () => string;
  wait?: (milliseconds: number) => Promise<void>;
}

/** After a longer absence the author decides whether the words still fit. */
const mostMinutesUnattended = 15;
const firstPause = 1_000;
const longestPause = 20_000;

export class Outbox {
  #options: OutboxOptions;
  #entries = $state.raw<Outgoing[]>([]);
  #running = new Set<string>();
  #wake: (() => void)[] = [];

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#entries = options.keep.all().map((entry) => this.#restored(entry));
    for (const chatId of new Set(this.#entries.map((entry) => entry.chatId))) void this.#drain(chatId);
  }

  of(chatId: string): Outgoing[] {
    return this.#entries.filter((entry) => entry.chatId === chatId);
  }

  get waitingCount(): number {
    return this.#entries.filter((entry) => entry.state === 'waiting').length;
  }

  send(chatId: string, text: string, replyTo?: string, media?: Attachment): void {
    const { now = () => new Date(), makeId = () => crypto.randomUUID() } = this.#options;
    const at = now().toISOString();
    this.#put({ chatId, id: makeId(), text, replyTo, media, at, state: 'waiting', reason: undefined });
    void this.#drain(chatId);
  }

  /** Tries a refused entry again, under the same id. */
  retry(id: string): void {
    const entry = this.#entries.find((other) => other.id === id);
    if (!entry) return;
    this.#put({ ...entry, state: 'waiting', reason: undefined });
    void this.#drain(entry.chatId);
  }

  discard(id: string): void {
    this.#entries = this.#entries.filter((entry) => entry.id !== id);
    this.#options.keep.remove(id);
  }

  /** Drops what was written to a chat that left the viewer. */
  removeChat(chatId: string): void {
    this.of(chatId).forEach((entry) => this.discard(entry.id));
  }

  /** The server has this message, whoever said so first. */
  settled(id: string): void {
    if (this.#entries.some((entry) => entry.id === id)) this.discard(id);
  }

  /** The connection is back: do not wait for the pause to end. */
  wake(): void {
    this.#wake.splice(0).forEach((resolve) => resolve());
  }

  #restored(entry: Outgoing): Outgoing {
    const now = this.#options.now?.() ?? new Date();
    const minutes = (now.getTime() - Date.parse(entry.at)) / 60_000;
    return entry.state === 'waiting' && minutes > mostMinutesUnattended ? { ...entry, state: 'refused' } : entry;
  }

  #put(entry: Outgoing): void {
    const at = this.#entries.findIndex((other) => other.id === entry.id);
    this.#entries = at < 0 ? [...this.#entries, entry] : this.#entries.with(at, entry);
    this.#options.keep.put(entry);
  }

  /** One at a time per chat, in the order of writing. */
  async #drain(chatId: string): Promise<void> {
    if (this.#running.has(chatId)) return;
    this.#running.add(chatId);
    let pause = firstPause;
    for (;;) {
      const entry = this.of(chatId).find((other) => other.state === 'waiting');
      if (!entry) break;
      if (await this.#try(entry)) {
        pause = firstPause;
        continue;
      }
      await this.#pause(pause);
      pause = Math.min(longestPause, pause * 2);
    }
    this.#running.delete(chatId);
  }

  /** False when it is to be tried again later. */
  async #try(entry: Outgoing): Promise<boolean> {
    try {
      const path = { chat: entry.chatId };
      const body = bodyOf(entry);
      const added = await this.#options.api.call('post', '/api/app/chats/{chat}/messages', { path, body });
      this.#options.onSent(added.chat, added.message);
      this.discard(entry.id);
      return true;
    } catch (error) {
      if (!(error instanceof ApiError) || isPassing(error.status)) return false;
      this.#put({ ...entry, state: 'refused', reason: error.problem.title });
      return true;
    }
  }

  #pause(milliseconds: number): Promise<void> {
    const { wait } = this.#options;
    if (wait) return wait(milliseconds);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake.push(() => (clearTimeout(timer), resolve()));
    });
  }
}

function bodyOf({ id, text, replyTo, media }: Outgoing): NewMessage {
  return {
    id,
    ...(text ? { text } : {}),
    ...(replyTo ? { replyTo } : {}),
    ...(media ? { media: [media.id], kind: media.kind } : {}),
  };
}

/** The server could not take it now and kept nothing. */
function isPassing(status: number): boolean {
  return status === 401 || status === 408 || status === 429 || status >= 500;
}
