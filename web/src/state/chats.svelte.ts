// The chats the viewer may see: pages of a snapshot, corrected by live events.
// A row is replaced only by a state that is at least as new, so answers and events may overtake each other.
import type { Api } from '../api/client';
import type { ChatPage, ChatRow } from '../nouns';

export type ChatFilter = 'all' | 'mine' | 'unanswered';

interface Entry {
  row: ChatRow;
  /** Number of the event whose state the row holds at least. */
  asOf: number;
}

interface Paging {
  next: string | undefined;
  isComplete: boolean;
  pages: number;
  /** Rows behind this one are not loaded yet and are not shown: between them others are missing. */
  horizon: ChatRow | undefined;
}

const pageRows = 50;
const mostPagesReloaded = 4;

export class Chats {
  #api: Api;
  #contact: () => string | undefined;
  #entries = new Map<string, Entry>();
  #gone = new Map<string, number>();
  #changes = $state(0);
  #paging = $state.raw<Partial<Record<ChatFilter, Paging>>>({});
  #isLoading = $state(false);
  #error = $state.raw<unknown>();
  #sorted = $derived.by(() => {
    void this.#changes;
    return [...this.#entries.values()].map((entry) => entry.row).sort(inOrder);
  });

  /** `contact` limits the chats to one CRM contact, inside the CRM's frame. */
  constructor(api: Api, contact: () => string | undefined = () => undefined) {
    this.#api = api;
    this.#contact = contact;
  }

  /** Loaded chats in the order of UNANS-2: unanswered first, then by last message. */
  list(filter: ChatFilter): ChatRow[] {
    const horizon = this.#paging[filter]?.horizon;
    return this.#sorted.filter((row) => matches(row, filter) && (!horizon || inOrder(row, horizon) <= 0));
  }

  get(id: string): ChatRow | undefined {
    void this.#changes;
    return this.#entries.get(id)?.row;
  }

  isLoaded(filter: ChatFilter): boolean {
    return this.#paging[filter] !== undefined;
  }

  isComplete(filter: ChatFilter): boolean {
    return this.#paging[filter]?.isComplete ?? false;
  }

  get isLoading(): boolean {
    return this.#isLoading;
  }

  get error(): unknown {
    return this.#error;
  }

  /** Chats among the loaded ones that wait for the viewer (red) and for others (grey) (UNANS-3). */
  get waiting(): { red: number; grey: number } {
    const waiting = this.#sorted.filter((row) => row.unanswered > 0);
    const red = waiting.filter((row) => row.mine).length;
    return { red, grey: waiting.length - red };
  }

  /** Rows kept on this machine, shown until the server has answered. */
  restore(rows: readonly ChatRow[]): void {
    for (const row of rows) if (!this.#entries.has(row.id)) this.#entries.set(row.id, { row, asOf: 0 });
    this.#changes++;
  }

  /** Loads the pages on the screen anew; rows that are gone meanwhile disappear. Gives the snapshot's number. */
  async reload(filter: ChatFilter = 'all'): Promise<number> {
    const pages = Math.min(mostPagesReloaded, Math.max(1, this.#paging[filter]?.pages ?? 1));
    const first = await this.#fetch(filter, undefined);
    const loaded: ChatPage[] = [first];
    let next = first.next;
    for (let page = 1; page < pages && next; page++) {
      const following = await this.#fetch(filter, next);
      loaded.push(following);
      next = following.next;
    }
    this.#replace(filter, loaded);
    return first.event;
  }

  /** Loads the next page of a filter, the first one included. */
  async more(filter: ChatFilter): Promise<void> {
    const paging = this.#paging[filter];
    if (this.#isLoading || paging?.isComplete) return;
    this.#isLoading = true;
    try {
      const page = await this.#fetch(filter, paging?.next);
      this.#take(page);
      this.#turn(filter, page, (paging?.pages ?? 0) + 1);
      this.#error = undefined;
    } catch (error) {
      this.#error = error;
    } finally {
      this.#isLoading = false;
    }
  }

  /** Takes a row as of an event; false when it belongs to another contact's chats and the list must be asked. */
  apply(row: ChatRow, asOf: number): boolean {
    if (this.#contact() !== undefined && !this.#isOfShownClient(row)) return false;
    this.#put(row, asOf);
    this.#changes++;
    return true;
  }

  remove(id: string, number: number): void {
    this.#gone.set(id, number);
    if (this.#entries.delete(id)) this.#changes++;
  }

  /** The newest rows, for keeping on this machine. */
  get newest(): ChatRow[] {
    return this.#sorted.slice(0, pageRows);
  }

  async #fetch(filter: ChatFilter, cursor: string | undefined): Promise<ChatPage> {
    const contact = this.#contact();
    return this.#api.call('get', '/api/app/chats', {
      query: { filter, limit: pageRows, ...(cursor ? { cursor } : {}), ...(contact ? { contact } : {}) },
    });
  }

  #replace(filter: ChatFilter, pages: ChatPage[]): void {
    const present = new Set(pages.flatMap((page) => page.chats.map((row) => row.id)));
    const event = pages[0]?.event ?? 0;
    for (const [id, entry] of this.#entries) if (entry.asOf <= event && !present.has(id)) this.#entries.delete(id);
    pages.forEach((page) => this.#take(page));
    this.#paging = {};
    const last = pages.at(-1);
    if (last) this.#turn(filter, last, pages.length);
  }

  #take(page: ChatPage): void {
    for (const row of page.chats) this.#put(row, page.event);
    this.#changes++;
  }

  #turn(filter: ChatFilter, page: ChatPage, pages: number): void {
    const horizon = page.next ? page.chats.at(-1) : undefined;
    const paging: Paging = { next: page.next, isComplete: !page.next, pages, horizon };
    this.#paging = { ...this.#paging, [filter]: paging };
  }

  #put(row: ChatRow, asOf: number): void {
    if ((this.#gone.get(row.id) ?? -1) >= asOf) return;
    const known = this.#entries.get(row.id);
    if (known && known.asOf > asOf) return;
    this.#gone.delete(row.id);
    this.#entries.set(row.id, { row, asOf });
  }

  #isOfShownClient(row: ChatRow): boolean {
    if (this.#entries.has(row.id)) return true;
    return [...this.#entries.values()].some((entry) => entry.row.clientId === row.clientId);
  }
}

/** UNANS-2: unanswered first, then by last message; the id decides between equals, as on the server. */
export function inOrder(a: ChatRow, b: ChatRow): number {
  const unanswered = Number(b.unanswered > 0) - Number(a.unanswered > 0);
  if (unanswered !== 0) return unanswered;
  if (a.lastAt !== b.lastAt) return a.lastAt < b.lastAt ? 1 : -1;
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}

function matches(row: ChatRow, filter: ChatFilter): boolean {
  if (filter === 'mine') return row.mine;
  return filter === 'all' || row.unanswered > 0;
}
