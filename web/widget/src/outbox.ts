// Messages the visitor wrote and the server has not confirmed yet.
import type { Store } from './store';

export interface Unsent {
  id: string;
  text: string;
  /** Milliseconds, strictly rising per browser: the order of sending. */
  order: number;
  /** HTTP status with which the server refused it for good; absent while it is still to be sent. */
  refused?: number;
}

const keyOf = (id: string) => `out:${id}`;

/**
 * Each message has a storage key of its own, so that two tabs never overwrite each other's.
 * A message leaves only when the server confirmed it or the visitor discarded it.
 */
export class Outbox {
  private readonly items = new Map<string, Unsent>();

  constructor(
    private readonly store: Store,
    private readonly now: () => number,
    private readonly newId: () => string,
  ) {
    for (const key of store.keys('out:')) this.read(key);
  }

  add(text: string): Unsent {
    const last = Math.max(0, ...this.list().map((item) => item.order));
    const item: Unsent = { id: this.newId(), text, order: Math.max(this.now(), last + 1) };
    return this.put(item);
  }

  list(): Unsent[] {
    return [...this.items.values()].sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1));
  }

  /** The oldest message that may be sent. */
  next(): Unsent | undefined {
    return this.list().find((item) => item.refused === undefined);
  }

  has(id: string): boolean {
    return this.items.has(id);
  }

  refuse(id: string, status: number): void {
    const item = this.items.get(id);
    if (item) this.put({ ...item, refused: status });
  }

  /** Makes a refused message due again. `isRenamed` gives it a fresh id: the old one belongs to another text (409). */
  retry(id: string, isRenamed: boolean): Unsent | undefined {
    const item = this.items.get(id);
    if (!item) return undefined;
    if (isRenamed) this.remove(id);
    return this.put({ id: isRenamed ? this.newId() : id, text: item.text, order: item.order });
  }

  remove(id: string): void {
    this.items.delete(id);
    this.store.remove(keyOf(id));
  }

  /** Takes over what another tab wrote under a storage key. A key that went is no proof that the message was sent. */
  read(key: string): void {
    const stored = this.store.readJSON<Unsent>(key);
    if (typeof stored?.id !== 'string' || typeof stored.text !== 'string' || keyOf(stored.id) !== key) return;
    const item: Unsent = { id: stored.id, text: stored.text, order: Number(stored.order) || 0 };
    if (typeof stored.refused === 'number') item.refused = stored.refused;
    this.items.set(item.id, item);
  }

  private put(item: Unsent): Unsent {
    this.items.set(item.id, item);
    this.store.writeJSON(keyOf(item.id), item);
    return item;
  }
}
