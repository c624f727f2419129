// Small durable values in the site's localStorage, in memory where the browser refuses it.

/** A value that storage refused (private mode, quota) lives in memory and wins over an older stored one. */
export class Store {
  private readonly memory = new Map<string, string>();

  constructor(
    private readonly area: Storage | undefined,
    readonly prefix: string,
  ) {}

  get(key: string): string | undefined {
    return this.memory.get(key) ?? this.area?.getItem(this.prefix + key) ?? undefined;
  }

  set(key: string, value: string): void {
    this.memory.set(key, value);
    try {
      this.area?.setItem(this.prefix + key, value);
      if (this.area) this.memory.delete(key);
    } catch {
      // Full: memory keeps it.
    }
  }

  remove(key: string): void {
    this.memory.delete(key);
    this.area?.removeItem(this.prefix + key);
  }

  /** Keys that begin with `start`, without the store's own prefix. */
  keys(start: string): string[] {
    const stored = Object.keys(this.area ?? {}).map((full) => this.own(full) ?? '');
    return [...new Set([...this.memory.keys(), ...stored])].filter((key) => key.startsWith(start));
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
}

/** The area, or undefined where the browser forbids even to look (sandboxed frames, blocked cookies). */
export function openArea(pick: () => Storage): Storage | undefined {
  try {
    const area = pick();
    area.getItem('');
    return area;
  } catch {
    return undefined;
  }
}
