// Small durable values in the site's localStorage, in memory where the browser refuses it.

/** A value that storage refused (private mode, quota) lives in memory and wins over an older stored one. */
export class Store {
  private readonly memory = new Map<string, string>();

  constructor(
    private readonly area: Storage | undefined,
    readonly prefix: string,
  ) {}

  get(key: string): string | undefined {
    return this.memory.get(key) ?? this.read(this.prefix + key);
  }

  set(key: string, value: string): void {
    try {
      if (!this.area) throw new Error('no storage');
      this.area.setItem(this.prefix + key, value);
      this.memory.delete(key);
    } catch {
      this.memory.set(key, value);
    }
  }

  remove(key: string): void {
    this.memory.delete(key);
    try {
      this.area?.removeItem(this.prefix + key);
    } catch {
      // Refused storage holds nothing to remove.
    }
  }

  /** Keys that begin with `start`, without the store's own prefix. */
  keys(start: string): string[] {
    const found = new Set([...this.memory.keys()].filter((key) => key.startsWith(start)));
    for (const full of this.stored()) {
      const key = this.own(full);
      if (key?.startsWith(start)) found.add(key);
    }
    return [...found];
  }

  /** The store's key in a full one (from a storage event); undefined for somebody else's. */
  own(full: string): string | undefined {
    return full.startsWith(this.prefix) ? full.slice(this.prefix.length) : undefined;
  }

  readJSON<T>(key: string): Partial<T> | undefined {
    try {
      const value: unknown = JSON.parse(this.get(key) ?? '');
      return typeof value === 'object' && value ? (value as Partial<T>) : undefined;
    } catch {
      return undefined;
    }
  }

  writeJSON(key: string, value: unknown): void {
    this.set(key, JSON.stringify(value));
  }

  private read(full: string): string | undefined {
    try {
      return this.area?.getItem(full) ?? undefined;
    } catch {
      return undefined;
    }
  }

  private stored(): string[] {
    try {
      return Object.keys(this.area ?? {});
    } catch {
      return [];
    }
  }
}

/** The area, or undefined where the browser forbids even to look (sandboxed frames, blocked cookies). */
export function openArea(pick: () => Storage): Storage | undefined {
  try {
    return pick();
  } catch {
    return undefined;
  }
}
