// The conversation as entries make it: messages with the latest edit or deletion applied.
import type { Entry, Receipt } from './protocol';
import type { Store } from './store';

export interface Message {
  id: string;
  /** Sessions before this one in the same browser have lower eras; their messages stay on the screen. */
  era: number;
  seq: number;
  at: string;
  direction: 'in' | 'out';
  kind: string;
  text: string;
  author?: string;
  url?: string;
  name?: string;
  edited?: true;
  deleted?: true;
}

interface Saved {
  clientId: string;
  era: number;
  cursor: number;
  isWhole: boolean;
  messages: Message[];
}

const shownKinds = new Set(['text', 'image', 'file', 'unsupported']);
const savedMessages = 200;
const cacheKey = 'conversation';

/** Entries may come in any number of copies; the state depends only on which were applied. */
export class Conversation {
  /** `after` of the next request: everything up to it has been read. */
  cursor = 0;
  private era = 0;
  private readonly byId = new Map<string, Message>();
  /** Changes whose target has not come: a tolerant reader keeps them. */
  private readonly early = new Map<string, Entry>();

  constructor(private readonly store: Store) {}

  /** Paints from the browser's copy of this session's conversation, if there is one. */
  restore(clientId: string): void {
    const saved = this.store.readJSON<Saved>(cacheKey);
    if (saved?.clientId !== clientId || !Array.isArray(saved.messages)) return;
    this.era = Number(saved.era) || 0;
    this.cursor = saved.isWhole ? Number(saved.cursor) || 0 : 0;
    for (const message of saved.messages) this.byId.set(message.id, message);
  }

  save(clientId: string): void {
    const all = this.list();
    const messages = all.slice(-savedMessages);
    const isWhole = messages.length === all.length;
    const saved: Saved = { clientId, era: this.era, cursor: this.cursor, isWhole, messages };
    this.store.writeJSON(cacheKey, saved);
  }

  /** Messages of the lost session stay in view, above those of the next. */
  startEra(): void {
    this.era++;
    this.cursor = 0;
    this.early.clear();
  }

  /** Ordered as the server ordered them. */
  list(): Message[] {
    return [...this.byId.values()].sort((a, b) => a.era - b.era || a.seq - b.seq);
  }

  has(id: string): boolean {
    return this.byId.has(id);
  }

  /** True when these entries continue what was read, with nothing missing between. */
  continues(entries: Entry[]): boolean {
    const [first] = entries;
    return !!first && first.seq <= this.cursor + 1;
  }

  apply(entries: Entry[]): void {
    for (const entry of entries) {
      this.applyOne(entry);
      this.cursor = Math.max(this.cursor, entry.seq);
    }
  }

  /** The visitor's own message, confirmed by the answer to its POST; reading it later changes nothing. */
  confirm(receipt: Receipt, text: string): void {
    if (this.byId.get(receipt.id)?.era === this.era) return;
    this.put({ ...receipt, direction: 'in', kind: 'text', text });
  }

  /** The highest seq of this session's messages from the company. */
  lastFromCompany(): number {
    return Math.max(0, ...this.fromCompany().map((message) => message.seq));
  }

  countUnread(readSeq: number): number {
    return this.fromCompany().filter((message) => message.seq > readSeq && !message.deleted).length;
  }

  private fromCompany(): Message[] {
    return this.list().filter((message) => message.era === this.era && message.direction === 'out');
  }

  private applyOne(entry: Entry): void {
    if (entry.kind === 'edit' || entry.kind === 'delete') this.change(entry);
    else if (shownKinds.has(entry.kind)) this.put(entry);
  }

  private put(entry: Entry): void {
    const known = this.byId.get(entry.id);
    if (known?.era === this.era && known.seq === entry.seq) return;
    this.byId.set(entry.id, messageFrom(entry, this.era));
    const change = this.early.get(entry.id);
    if (change) this.change(change);
  }

  private change(entry: Entry): void {
    const target = entry.target ?? '';
    const message = this.byId.get(target);
    if (!message) this.keepEarly(target, entry);
    else if (entry.kind === 'delete') this.byId.set(target, { ...message, text: '', deleted: true });
    else if (!message.deleted) this.byId.set(target, { ...message, text: textOf(entry), edited: true });
  }

  private keepEarly(target: string, entry: Entry): void {
    if (target && this.early.get(target)?.kind !== 'delete') this.early.set(target, entry);
  }
}

function textOf(entry: Entry): string {
  return typeof entry.text === 'string' ? entry.text : '';
}

function messageFrom(entry: Entry, era: number): Message {
  const { id, seq, direction, kind } = entry;
  const message: Message = { id, era, seq, direction, kind, at: String(entry.at), text: textOf(entry) };
  for (const field of ['author', 'url', 'name'] as const) {
    const value = entry[field];
    if (typeof value === 'string' && value) message[field] = value;
  }
  return message;
}
