// Everything a signed-in screen stands on. Live events are applied here and nowhere else:
// state = snapshot + events after its number.
import { getContext, setContext } from 'svelte';
import type { Api } from '../api/client';
import { LiveHub } from '../live/hub';
import type { Connection } from '../live/stream';
import type { TabWorld } from '../live/tabs';
import type { Message } from '../nouns';
import { Chats, type ChatFilter } from './chats.svelte';
import { Details } from './details.svelte';
import { Drafts } from './drafts.svelte';
import { dispatch } from './events';
import type { Keep } from './keep';
import { Threads, type Thread } from './messages.svelte';
import { Outbox } from './outbox.svelte';
import type { SessionState } from './session.svelte';

export interface WorldOptions {
  api: Api;
  session: SessionState;
  keep: Keep;
  tabs?: TabWorld | undefined;
  /** In a CRM frame every request carries a bearer; files too. */
  needsBearer?: boolean;
  /** True when a 401 of the live stream was mended by a new bearer. */
  renew?: () => Promise<boolean>;
}

const keepPauseMilliseconds = 1_500;

export class World {
  readonly api: Api;
  readonly session: SessionState;
  readonly chats: Chats;
  readonly threads: Threads;
  readonly details: Details;
  readonly drafts: Drafts;
  readonly outbox: Outbox;
  readonly keep: Keep;
  readonly needsBearer: boolean;
  filter = $state<ChatFilter>('all');
  openChatId = $state<string>();
  #connection = $state<Connection>('connecting');
  #settingsNumber = $state(0);
  /** Grows with every event of a chat, so that its panel is read anew. */
  #chatNumbers = $state.raw<Record<string, number>>({});
  #hub: LiveHub;
  #isSessionFresh = true;
  #keepTimer?: ReturnType<typeof setTimeout> | undefined;

  constructor(options: WorldOptions) {
    const { api, session, keep } = options;
    this.api = api;
    this.session = session;
    this.keep = keep;
    this.needsBearer = options.needsBearer ?? false;
    this.chats = new Chats(api, () => (session.status === 'signed_in' ? session.current.contact : undefined));
    this.threads = new Threads(api);
    this.details = new Details(api);
    this.drafts = new Drafts(keep);
    this.outbox = new Outbox({
      api,
      keep: keep.outbox,
      onSent: (chat, message) => {
        this.chats.apply(chat, chat.version);
        this.#takeMessage(chat.id, message);
      },
    });
    this.#hub = this.#makeHub(options);
  }

  get connection(): Connection {
    return this.#connection;
  }

  /** Changes whenever settings, roles, channels or employees did. */
  get settingsNumber(): number {
    return this.#settingsNumber;
  }

  chatNumber(chatId: string): number {
    return this.#chatNumbers[chatId] ?? 0;
  }

  /** Paints from this machine's keep, loads the snapshot, then listens until stop(). */
  async start(): Promise<void> {
    this.chats.restore(await this.keep.chats());
    await this.#hub.start();
  }

  stop(): void {
    this.#hub.stop();
    clearTimeout(this.#keepTimer);
  }

  /** After sleep, or when the machine is online again. */
  wake(): void {
    this.#hub.restart();
    this.outbox.wake();
  }

  /** The thread of a chat, painted from the keep and then loaded. */
  thread(chatId: string): Thread {
    const known = this.threads.peek(chatId);
    const thread = this.threads.open(chatId);
    if (!known?.isLoaded) void this.#load(thread);
    return thread;
  }

  /** Loads everything on the screen anew, for instance in another language. */
  async reload(): Promise<void> {
    await this.#loadSnapshot();
  }

  async #load(thread: Thread): Promise<void> {
    const loaded = thread.load();
    thread.restore(await this.keep.thread(thread.chatId));
    await loaded;
    this.#keepThread(thread);
  }

  #makeHub({ api, session, tabs, renew }: WorldOptions): LiveHub {
    return new LiveHub({
      tabs,
      open: (after, signal) => api.send(`/api/app/live?after=${after}`, { signal }),
      onUnauthorized: async () => {
        if (await renew?.()) return true;
        session.forget();
        return false;
      },
      onConnection: (connection) => {
        this.#connection = connection;
        if (connection === 'live') this.outbox.wake();
      },
      loadSnapshot: () => this.#loadSnapshot(),
      onFrame: (frame) =>
        dispatch(frame, {
          message: ({ number, chat, chatId, message }) => {
            if (chat) this.#takeChat(() => this.chats.apply(chat, number));
            if (chatId) this.#takeMessage(chatId, message);
          },
          chat: ({ number, chat }) => {
            this.#takeChat(() => this.chats.apply(chat, number));
            this.#chatNumbers = { ...this.#chatNumbers, [chat.id]: number };
          },
          gone: ({ number, chatId }) => this.#lose(chatId, number),
          settings: ({ number }) => this.#settingsChanged(number),
          signed_out: () => session.forget(),
        }),
    });
  }

  #takeChat(apply: () => boolean): void {
    if (!apply()) void this.chats.reload(this.filter).catch(() => undefined);
    this.#keepSoon();
  }

  #takeMessage(chatId: string, message: Message): void {
    this.threads.peek(chatId)?.apply(message);
    this.outbox.settled(message.id);
    this.#keepSoon();
  }

  /** The chat left this viewer: nothing of it stays, on the screen or on the machine (ROLE-8). */
  #lose(chatId: string, number: number): void {
    this.chats.remove(chatId, number);
    this.threads.remove(chatId);
    this.details.remove(chatId);
    this.outbox.removeChat(chatId);
    this.keep.removeChat(chatId);
    this.#chatNumbers = { ...this.#chatNumbers, [chatId]: number };
    this.#keepSoon();
  }

  #settingsChanged(number: number): void {
    this.#settingsNumber = number;
    void this.session.load().catch(() => undefined);
  }

  async #loadSnapshot(): Promise<number> {
    if (!this.#isSessionFresh) await this.session.load();
    this.#isSessionFresh = false;
    const number = await this.chats.reload(this.filter);
    await this.threads.reload(this.openChatId, number);
    this.#settingsNumber = Math.max(this.#settingsNumber + 1, number);
    this.#chatNumbers = this.openChatId ? { [this.openChatId]: number } : {};
    this.#keepSoon();
    return number;
  }

  #keepSoon(): void {
    this.#keepTimer ??= setTimeout(() => {
      this.#keepTimer = undefined;
      this.keep.putChats(this.chats.newest);
      const open = this.openChatId ? this.threads.peek(this.openChatId) : undefined;
      if (open) this.#keepThread(open);
    }, keepPauseMilliseconds);
  }

  #keepThread(thread: Thread): void {
    if (thread.isLoaded) this.keep.putThread(thread.chatId, thread.newest);
  }
}

const key = Symbol('world');

export function provideWorld(world: World): World {
  return setContext(key, world);
}

export function useWorld(): World {
  return getContext<World>(key);
}
