// The chat itself: what is sent, what is read, and what the screen shows of it.
import { cleanIdentity, type Identity } from './config';
import { Conversation, type Message } from './conversation';
import { Outbox, type Unsent } from './outbox';
import { backoffMs, Pause } from './pause';
import { Failure, maxWaitSeconds, type Entry, type Protocol, type Receipt, type Session } from './protocol';
import { Sessions } from './session';
import type { Store } from './store';
import { Tabs, type TabMessage } from './tabs';
import { cleanText, countChars, maxTextChars } from './text';

/** What the screen shows. */
export interface Picture {
  messages: Message[];
  unsent: Unsent[];
  unread: number;
  trouble: 'offline' | 'server' | 'busy' | undefined;
  /** The visitor may still leave a phone: no session carries his details yet. */
  asksForPhone: boolean;
  isIdentityRefused: boolean;
  /** The channel is not for this page: nothing is shown. */
  isClosed: boolean;
}

export interface Surroundings {
  protocol: Pick<Protocol, 'startSession' | 'send' | 'read'>;
  store: Store;
  webLocks: LockManager | undefined;
  channel: BroadcastChannel | undefined;
  now: () => number;
  random: () => number;
  newId: () => string;
  isOnline: () => boolean;
  /** Told once when the server says that this channel is not for this page. */
  closed: (failure: Failure) => void;
}

/** Trouble shorter than this is not worth words (ui.md, detail 21). */
const troubleShownAfterMs = 1500;
const activeForMs = 10 * 60_000;
/** A long poll older than this has slept through something. */
const staleReadMs = (maxWaitSeconds + 15) * 1000;

export class Chat {
  private readonly outbox: Outbox;
  private readonly conversation: Conversation;
  private readonly sessions: Sessions;
  private readonly tabs: Tabs;
  private readonly sendPause = new Pause();
  private readonly readPause = new Pause();
  private identity: Identity;
  private isOpen = false;
  private isVisible = true;
  private isClosed = false;
  private isStopped = true;
  private isIdentityRefused = false;
  private isSending = false;
  private isReading = false;
  private sendFailures = 0;
  private readFailures = 0;
  private troubleSince: number | undefined;
  private isBusy = false;
  private activeAt = -Infinity;
  private reading: AbortController | undefined;
  private readingSince = 0;
  private listener: () => void = () => undefined;

  constructor(
    private readonly around: Surroundings,
    identity: Identity,
  ) {
    const { store, webLocks, channel } = around;
    this.identity = { ...identity, ...cleanIdentity(store.readJSON<Identity>('identity')) };
    this.outbox = new Outbox(store, around.now, around.newId);
    this.conversation = new Conversation(store);
    this.sessions = new Sessions(store, around.protocol, webLocks, (before) => this.sessionChanged(before));
    const session = this.sessions.current();
    if (session) this.conversation.restore(session.clientId);
    this.tabs = new Tabs(`${store.prefix}lead`, webLocks, channel, {
      leads: () => this.work(),
      hears: (message) => this.hear(message),
    });
  }

  /** `listener` is called after every change of the picture. */
  listen(listener: () => void): void {
    this.listener = listener;
  }

  start(isVisible: boolean): void {
    if (!this.isStopped || this.isClosed) return;
    this.isStopped = false;
    this.isVisible = isVisible;
    this.tabs.start(isVisible);
    if (!isVisible) void this.catchUp();
  }

  stop(): void {
    this.isStopped = true;
    this.tabs.stop();
    this.reading?.abort();
    this.sendPause.wake();
    this.readPause.wake();
  }

  picture(): Picture {
    const isTroubleShown =
      this.troubleSince !== undefined && this.around.now() - this.troubleSince >= troubleShownAfterMs;
    return {
      messages: this.conversation.list(),
      unsent: this.outbox.list().filter((item) => !this.conversation.has(item.id)),
      unread: this.conversation.countUnread(this.readSeq()),
      trouble: isTroubleShown ? this.troubleKind() : undefined,
      asksForPhone: this.isIdentityRefused || this.mayAskForPhone(),
      isIdentityRefused: this.isIdentityRefused,
      isClosed: this.isClosed,
    };
  }

  /** Takes a text for sending. False: empty or too long, nothing was taken. */
  send(raw: string): boolean {
    const text = cleanText(raw);
    if (!text || countChars(text) > maxTextChars || this.isClosed) return false;
    const item = this.outbox.add(text);
    this.tabs.tell({ kind: 'unsent', id: item.id });
    this.touch();
    this.changed();
    return true;
  }

  retry(id: string): void {
    const refused = this.outbox.list().find((item) => item.id === id)?.refused;
    // 409: this id belongs to another text on the server.
    const item = refused ? this.outbox.retry(id, refused === 409) : undefined;
    if (!item) return;
    if (item.id !== id) this.tabs.tell({ kind: 'discarded', id });
    this.tabs.tell({ kind: 'unsent', id: item.id });
    this.touch();
    this.changed();
  }

  /** Throws a refused message away, by the visitor's wish. */
  discard(id: string): void {
    this.outbox.remove(id);
    this.tabs.tell({ kind: 'discarded', id });
    this.changed();
  }

  /** What the site knows about the visitor. Counts for a session made after it. */
  identify(raw: unknown): void {
    this.useIdentity({ ...this.identity, ...cleanIdentity(raw) });
  }

  /** What the visitor typed about himself; empty = he would rather not. */
  answerForm(raw: unknown): void {
    const typed = cleanIdentity(raw);
    this.around.store.writeJSON('identity', typed);
    this.around.store.set('asked', '1');
    this.useIdentity(this.isIdentityRefused ? typed : { ...this.identity, ...typed });
  }

  knownIdentity(): Identity {
    return this.identity;
  }

  setOpen(isOpen: boolean): void {
    this.isOpen = isOpen;
    if (isOpen) this.touch();
    this.changed();
  }

  setVisible(isVisible: boolean): void {
    this.isVisible = isVisible;
    if (!isVisible) return;
    this.tabs.claim();
    this.wake(this.around.now() - this.readingSince > staleReadMs);
    this.changed();
  }

  /** Something got better (network, sleep, attention): try now. `isFresh` = the open request is not to be trusted. */
  wake(isFresh: boolean): void {
    if (isFresh) this.reading?.abort();
    this.sendPause.wake();
    this.readPause.wake();
    this.work();
  }

  /** The network went: its words come without waiting for a request to fail. */
  lostNetwork(): void {
    this.inTrouble(false);
  }

  foundNetwork(): void {
    this.outOfTrouble();
    this.wake(true);
  }

  /** Another tab changed a stored value. */
  storageChanged(key: string): void {
    if (key === 'session') this.sessions.reload();
    else this.outbox.read(key);
    this.work();
    this.changed();
  }

  private touch(): void {
    this.activeAt = this.around.now();
    this.tabs.claim();
    this.tabs.tell({ kind: 'active' });
    this.wake(false);
  }

  private useIdentity(identity: Identity): void {
    this.identity = identity;
    this.isIdentityRefused = false;
    this.work();
    this.changed();
  }

  private mayAskForPhone(): boolean {
    return !this.sessions.current() && !this.identity.phone && !this.around.store.get('asked');
  }

  private isWorking(): boolean {
    return this.tabs.isLeading && !this.isStopped && !this.isClosed;
  }

  private work(): void {
    void this.sendAll();
    void this.readOn();
  }

  // --- sending: one at a time, in order, the same id until there is an answer ---

  private async sendAll(): Promise<void> {
    if (this.isSending) return;
    this.isSending = true;
    for (let item = this.due(); item; item = this.due()) await this.deliver(item);
    this.isSending = false;
  }

  private due(): Unsent | undefined {
    return this.isWorking() && !this.isIdentityRefused ? this.outbox.next() : undefined;
  }

  private async deliver(item: Unsent): Promise<void> {
    const session = await this.openSession();
    if (!session) return;
    try {
      const receipt = await this.around.protocol.send(session.token, item.id, item.text);
      this.sendFailures = 0;
      this.outOfTrouble();
      this.sent(receipt, item.text);
      this.tabs.tell({ kind: 'sent', receipt, text: item.text });
    } catch (error) {
      await this.sendFailed(failureFrom(error), session, item);
    }
  }

  private async openSession(): Promise<Session | undefined> {
    try {
      return await this.sessions.ensure(this.identity);
    } catch (error) {
      const failure = failureFrom(error);
      if (failure.verdict === 'closed') this.close(failure);
      else if (failure.verdict === 'final') this.refuseIdentity();
      else await this.rest(this.sendPause, ++this.sendFailures, failure);
      return undefined;
    }
  }

  private refuseIdentity(): void {
    this.isIdentityRefused = true;
    this.changed();
  }

  private async sendFailed(failure: Failure, session: Session, item: Unsent): Promise<void> {
    if (failure.verdict === 'closed') return this.close(failure);
    if (failure.verdict === 'final') return this.refused(item, failure);
    if (failure.verdict === 'token') this.sessions.refuse(session.token);
    this.sendFailures++;
    // The first lost session is replaced at once; a server that refuses every one is not hammered.
    if (failure.verdict === 'token' && this.sendFailures === 1) return;
    await this.rest(this.sendPause, this.sendFailures, failure);
  }

  private refused(item: Unsent, failure: Failure): void {
    this.outbox.refuse(item.id, failure.status);
    this.tabs.tell({ kind: 'unsent', id: item.id });
    this.changed();
  }

  private sent(receipt: Receipt, text: string): void {
    this.conversation.confirm(receipt, text);
    this.outbox.remove(receipt.id);
    this.saved();
  }

  // --- reading: long polls from the last number read ---

  private async readOn(): Promise<void> {
    if (this.isReading) return;
    this.isReading = true;
    for (let session = this.readable(); session; session = this.readable()) await this.readOnce(session);
    this.isReading = false;
  }

  private readable(): Session | undefined {
    return this.isWorking() ? this.sessions.current() : undefined;
  }

  private async readOnce(session: Session): Promise<void> {
    this.reading = new AbortController();
    this.readingSince = this.around.now();
    const { cursor } = this.conversation;
    try {
      const entries = await this.around.protocol.read(session.token, cursor, maxWaitSeconds, this.reading.signal);
      this.readFailures = 0;
      this.outOfTrouble();
      this.received(session, entries);
      if (this.conversation.cursor === cursor) await this.readPause.sleep(this.restMs());
    } catch (error) {
      await this.readFailed(failureFrom(error), session);
    }
  }

  /** Milliseconds between two reads that brought nothing: none while the visitor looks. */
  private restMs(): number {
    const isActive = this.around.now() - this.activeAt < activeForMs;
    const wasCutShort = this.around.now() - this.readingSince < 1000;
    const jitter = 0.75 + this.around.random() / 2;
    if (this.isOpen && this.isVisible) return wasCutShort ? 2000 * jitter : 0;
    if (!this.isVisible) return (isActive ? 10_000 : 40_000) * jitter;
    return (isActive ? 2000 : 20_000) * jitter;
  }

  private async readFailed(failure: Failure, session: Session): Promise<void> {
    if (failure.verdict === 'cancelled') return;
    if (failure.verdict === 'closed') return this.close(failure);
    if (failure.verdict === 'token') return this.sessions.refuse(session.token);
    if (failure.verdict === 'final') this.conversation.cursor = 0;
    await this.rest(this.readPause, ++this.readFailures, failure);
  }

  private received(session: Session, entries: Entry[]): void {
    if (session.token !== this.sessions.current()?.token || !entries.length) return;
    this.tabs.tell({ kind: 'entries', clientId: session.clientId, entries });
    this.take(entries);
  }

  private take(entries: Entry[]): void {
    this.conversation.apply(entries);
    for (const { id } of entries) if (this.outbox.has(id)) this.arrived(id);
    if (entries.some((entry) => entry.direction === 'out')) this.activeAt = this.around.now();
    this.saved();
  }

  /** Its answer was lost, but it is there: the way is open, the next need not wait. */
  private arrived(id: string): void {
    this.outbox.remove(id);
    this.sendFailures = 0;
    this.sendPause.wake();
  }

  /** Reads what is there without waiting: for a tab that does not lead. */
  private async catchUp(): Promise<void> {
    const session = this.sessions.current();
    if (!session) return;
    try {
      for (let hasMore = true; hasMore;) {
        const { cursor } = this.conversation;
        const entries = await this.around.protocol.read(session.token, cursor, 0);
        if (session.token === this.sessions.current()?.token) this.take(entries);
        hasMore = this.conversation.cursor > cursor;
      }
    } catch {
      // The leading tab meets the same trouble and deals with it.
    }
  }

  private hear(message: TabMessage): void {
    if (message.kind === 'entries') return this.hearEntries(message.clientId, message.entries);
    if (message.kind === 'sent') return this.hearSent(message.receipt, message.text);
    if (message.kind === 'unsent') this.outbox.read(`out:${message.id}`);
    if (message.kind === 'discarded') this.outbox.remove(message.id);
    if (message.kind === 'active') {
      this.activeAt = this.around.now();
      this.readPause.wake();
    }
    this.work();
    this.changed();
  }

  private hearEntries(clientId: string, entries: Entry[]): void {
    if (this.sessions.current()?.clientId !== clientId) this.sessions.reload();
    if (this.sessions.current()?.clientId !== clientId) return;
    if (this.conversation.continues(entries)) this.take(entries);
    else void this.catchUp();
  }

  private hearSent(receipt: Receipt, text: string): void {
    if (!this.sessions.current()) this.sessions.reload();
    this.sent(receipt, text);
  }

  // --- state around both ---

  private async rest(pause: Pause, failures: number, failure: Failure): Promise<void> {
    this.inTrouble(failure.status === 429 || failure.status === 503);
    const backoff = backoffMs(failures, this.around.random);
    await pause.sleep(Math.max(backoff, failure.retryAfterMs), failure.retryAfterMs > 0);
  }

  private inTrouble(isBusy: boolean): void {
    this.isBusy = isBusy;
    if (this.troubleSince !== undefined) return;
    this.troubleSince = this.around.now();
    setTimeout(() => this.changed(), troubleShownAfterMs);
  }

  private outOfTrouble(): void {
    if (this.troubleSince === undefined) return;
    this.troubleSince = undefined;
    this.changed();
  }

  private troubleKind(): 'offline' | 'server' | 'busy' {
    if (!this.around.isOnline()) return 'offline';
    return this.isBusy ? 'busy' : 'server';
  }

  private close(failure: Failure): void {
    this.isClosed = true;
    this.tabs.stop();
    this.around.closed(failure);
    this.changed();
  }

  private sessionChanged(before: Session | undefined): void {
    if (before) this.conversation.startEra();
    this.reading?.abort();
    this.work();
    this.changed();
  }

  private saved(): void {
    const session = this.sessions.current();
    if (session) this.conversation.save(session.clientId);
    this.changed();
  }

  private changed(): void {
    this.markRead();
    this.listener();
  }

  private markRead(): void {
    const session = this.sessions.current();
    if (!session || !this.isOpen || !this.isVisible) return;
    const seq = this.conversation.lastFromCompany();
    if (seq > this.readSeq()) this.around.store.writeJSON('read', { clientId: session.clientId, seq });
  }

  private readSeq(): number {
    const read = this.around.store.readJSON<{ clientId: string; seq: number }>('read');
    return read && read.clientId === this.sessions.current()?.clientId ? Number(read.seq) || 0 : 0;
  }
}

function failureFrom(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure('again');
}
