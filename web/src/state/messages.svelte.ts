// Messages of one chat: an unbroken run of numbers up to the newest, older pages on demand (CHAT-2).
import type { Api } from '../api/client';
import type { Message, MessagePage } from '../nouns';

const pageMessages = 50;
const mostMessagesPerPage = 200;
const mostPagesOfCatchUp = 10;

export class Thread {
  readonly chatId: string;
  #api: Api;
  #bySeq = new Map<number, Message>();
  #changes = $state(0);
  #isLoaded = $state(false);
  #isLoadingOlder = $state(false);
  #hasOlder = $state(false);
  #error = $state.raw<unknown>();
  #catchingUp?: Promise<void> | undefined;
  /** What was heard while the first page was under way: it may be newer than the page. */
  #heardEarly: Message[] = [];
  #loading?: Promise<void> | undefined;
  /** Number of the event up to which the last full load holds everything. */
  #asOf = 0;
  #list = $derived.by(() => {
    void this.#changes;
    return [...this.#bySeq.values()].sort((a, b) => a.seq - b.seq);
  });

  constructor(api: Api, chatId: string) {
    this.#api = api;
    this.chatId = chatId;
  }

  get list(): readonly Message[] {
    return this.#list;
  }

  /** True once there is something to show, be it from this machine's keep. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  get hasOlder(): boolean {
    return this.#hasOlder;
  }

  get isLoadingOlder(): boolean {
    return this.#isLoadingOlder;
  }

  get error(): unknown {
    return this.#error;
  }

  get lastSeq(): number {
    return this.#list.at(-1)?.seq ?? 0;
  }

  has(id: string): boolean {
    void this.#changes;
    return [...this.#bySeq.values()].some((message) => message.id === id);
  }

  find(id: string): Message | undefined {
    return this.#list.find((message) => message.id === id);
  }

  /** The newest messages, for keeping on this machine. */
  get newest(): readonly Message[] {
    return this.#list.slice(-pageMessages);
  }

  restore(messages: readonly Message[]): void {
    if (this.#isLoaded || messages.length === 0) return;
    this.#hasOlder = (messages[0]?.seq ?? 1) > 1;
    this.#put(messages);
    this.#isLoaded = true;
  }

  /** Loads the newest page; what is loaded already and joins it stays, what does not join it is dropped. */
  load(): Promise<void> {
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  async #load(): Promise<void> {
    try {
      const page = await this.#fetch({ limit: pageMessages });
      const first = page.messages[0]?.seq ?? 1;
      if (this.#lastLoaded() < first - 1) this.#bySeq.clear();
      this.#put(page.messages);
      this.#hasOlder = (this.#firstLoaded() ?? 1) > 1;
      this.#isLoaded = true;
      this.#asOf = page.event;
      this.#error = undefined;
      this.#heardEarly.splice(0).forEach((message) => this.apply(message));
    } catch (error) {
      this.#error = error;
    }
  }

  /** Loads everything on the screen anew, after events were lost, unless it holds all up to `number` already. */
  async reload(number: number): Promise<void> {
    await this.#loading;
    if (this.#asOf >= number) return;
    const from = this.#firstLoaded();
    if (from === undefined) return this.load();
    try {
      await this.#fetchAfter(from - 1);
      this.#asOf = number;
    } catch (error) {
      this.#error = error;
    }
  }

  async loadOlder(): Promise<void> {
    const before = this.#firstLoaded();
    if (before === undefined || !this.#hasOlder || this.#isLoadingOlder) return;
    this.#isLoadingOlder = true;
    try {
      const page = await this.#fetch({ before, limit: pageMessages });
      this.#put(page.messages);
      this.#hasOlder = page.more ?? (page.messages[0]?.seq ?? 1) > 1;
    } catch (error) {
      this.#error = error;
    } finally {
      this.#isLoadingOlder = false;
    }
  }

  /** Takes a new state of one message; asks for the numbers in between when it does not join the run. */
  apply(message: Message): void {
    if (!this.#isLoaded) {
      if (this.#loading) this.#heardEarly.push(message);
      return;
    }
    const first = this.#firstLoaded() ?? message.seq;
    if (message.seq < first) return;
    if (message.seq > this.#lastLoaded() + 1 && this.#bySeq.size > 0) void this.#catchUp();
    else this.#put([message]);
  }

  #catchUp(): Promise<void> {
    this.#catchingUp ??= this.#fetchAfter(this.#lastLoaded())
      .catch((error: unknown) => {
        this.#error = error;
      })
      .finally(() => {
        this.#catchingUp = undefined;
      });
    return this.#catchingUp;
  }

  async #fetchAfter(seq: number): Promise<void> {
    let after = seq;
    for (let pages = 0; pages < mostPagesOfCatchUp; pages++) {
      const page = await this.#fetch({ after, limit: mostMessagesPerPage });
      this.#put(page.messages);
      after = page.messages.at(-1)?.seq ?? after;
      if (!page.more) return;
    }
  }

  #fetch(query: { before?: number; after?: number; limit: number }): Promise<MessagePage> {
    return this.#api.call('get', '/api/app/chats/{chat}/messages', { path: { chat: this.chatId }, query });
  }

  #put(messages: readonly Message[]): void {
    for (const message of messages) {
      const known = this.#bySeq.get(message.seq);
      if (!known || known.version <= message.version) this.#bySeq.set(message.seq, message);
    }
    this.#changes++;
  }

  #firstLoaded(): number | undefined {
    return this.#bySeq.size === 0 ? undefined : Math.min(...this.#bySeq.keys());
  }

  #lastLoaded(): number {
    return this.#bySeq.size === 0 ? 0 : Math.max(...this.#bySeq.keys());
  }
}

const mostThreads = 30;

/** The threads opened last; switching among them asks nobody. */
export class Threads {
  #api: Api;
  #threads = new Map<string, Thread>();

  constructor(api: Api) {
    this.#api = api;
  }

  /** The thread of a chat, made when it is not there. */
  open(chatId: string): Thread {
    const thread = this.#threads.get(chatId) ?? new Thread(this.#api, chatId);
    this.#threads.delete(chatId);
    this.#threads.set(chatId, thread);
    for (const id of this.#threads.keys()) {
      if (this.#threads.size <= mostThreads) break;
      this.#threads.delete(id);
    }
    return thread;
  }

  peek(chatId: string): Thread | undefined {
    return this.#threads.get(chatId);
  }

  remove(chatId: string): void {
    this.#threads.delete(chatId);
  }

  /** After lost events: the open thread is loaded anew, the others when they are opened next. */
  async reload(openChatId: string | undefined, number: number): Promise<void> {
    const open = openChatId ? this.#threads.get(openChatId) : undefined;
    this.#threads = new Map(open ? [[open.chatId, open]] : []);
    await open?.reload(number);
  }
}
