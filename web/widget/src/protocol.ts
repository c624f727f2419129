// The four requests of docs/webchat-protocol.md, and what their failures mean.
import type { Identity } from './config';

export interface Session {
  token: string;
  clientId: string;
}

export interface Receipt {
  id: string;
  seq: number;
  at: string;
}

export interface Entry {
  id: string;
  seq: number;
  at: string;
  direction: 'in' | 'out';
  kind: string;
  text?: string;
  author?: string;
  target?: string;
  url?: string;
  name?: string;
}

/**
 * What a failure tells the caller: `again` = outcome unknown or overload, repeat later; `final` = refused, do not repeat;
 * `token` = the session is gone; `closed` = the channel is not for this page; `cancelled` = our own abort.
 */
export type Verdict = 'again' | 'final' | 'token' | 'closed' | 'cancelled';

export class Failure extends Error {
  constructor(
    readonly verdict: Verdict,
    readonly status = 0,
    /** Milliseconds the server asked to wait; 0 when it did not. */
    readonly retryAfterMs = 0,
  ) {
    super(`${verdict} ${status}`);
  }
}

const requestTimeoutMs = 20_000;
export const maxWaitSeconds = 25;
const maxRetryAfterMs = 10 * 60_000;

/** Judges by status. 401, 403 and 404 count only with a problem document: a captive portal answers these as well. */
export function judge(status: number, isProblem: boolean): Verdict {
  if (status === 401) return isProblem ? 'token' : 'again';
  if (status === 403 || status === 404) return isProblem ? 'closed' : 'again';
  if (status === 408 || status === 425 || status === 429) return 'again';
  return status >= 400 && status < 500 ? 'final' : 'again';
}

/** `Retry-After` in milliseconds; 0 when absent or unreadable. */
export function retryAfterMs(header: string | null): number {
  return Math.min(Number(header) * 1000 || 0, maxRetryAfterMs);
}

export class Protocol {
  constructor(
    private readonly root: string,
    private readonly fetch: typeof window.fetch,
  ) {}

  async startSession(identity: Identity): Promise<Session> {
    const body = await this.call('sessions', { method: 'POST', body: JSON.stringify(identity) });
    const { token, clientId } = body as Partial<Session>;
    if (typeof token !== 'string' || !token || typeof clientId !== 'string') throw strange();
    return { token, clientId };
  }

  async send(token: string, id: string, text: string): Promise<Receipt> {
    const request = { method: 'POST', body: JSON.stringify({ id, text }), keepalive: true };
    const receipt = (await this.call('messages', request, token)) as Partial<Receipt>;
    if (receipt.id !== id || !Number.isInteger(receipt.seq) || typeof receipt.at !== 'string') throw strange();
    return { id, seq: Number(receipt.seq), at: receipt.at };
  }

  async read(token: string, after: number, waitSeconds: number, signal?: AbortSignal): Promise<Entry[]> {
    const path = `messages?after=${after}&wait=${waitSeconds}`;
    const body = await this.call(path, signal ? { signal } : {}, token, waitSeconds * 1000 + requestTimeoutMs);
    const { messages } = body as { messages?: unknown };
    if (!Array.isArray(messages)) throw strange();
    return messages.filter(isEntry);
  }

  private async call(path: string, init: RequestInit, token?: string, timeoutMs = requestTimeoutMs): Promise<object> {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), timeoutMs);
    const outer = init.signal;
    const abort = () => limit.abort();
    outer?.addEventListener('abort', abort);
    try {
      const answer = await this.fetch(`${this.root}/${path}`, {
        ...init,
        headers: headersFor(init.method, token),
        signal: limit.signal,
        credentials: 'omit',
        cache: 'no-store',
      });
      return await this.decode(answer);
    } catch (error) {
      if (outer?.aborted) throw new Failure('cancelled');
      throw error instanceof Failure ? error : new Failure('again');
    } finally {
      clearTimeout(timer);
      outer?.removeEventListener('abort', abort);
    }
  }

  private async decode(answer: Response): Promise<object> {
    if (!answer.ok) throw this.problem(answer);
    const body: unknown = await answer.json();
    if (typeof body !== 'object' || !body) throw strange();
    return body;
  }

  private problem(answer: Response): Failure {
    const isProblem = /^application\/problem\+json/i.test(answer.headers.get('Content-Type') ?? '');
    const wait = retryAfterMs(answer.headers.get('Retry-After'));
    return new Failure(judge(answer.status, isProblem), answer.status, wait);
  }
}

function headersFor(method: string | undefined, token: string | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  if (method === 'POST') headers['Content-Type'] = 'application/json';
  if (token) headers['Authorization'] = `Bearer ${token}`;
  return headers;
}

/** A good status with a body that is not the protocol's: the outcome is unknown. */
function strange(): Failure {
  return new Failure('again');
}

function isEntry(raw: unknown): raw is Entry {
  const entry = raw as Partial<Entry> | undefined;
  return (
    typeof entry?.id === 'string' &&
    Number.isInteger(entry.seq) &&
    typeof entry.kind === 'string' &&
    (entry.direction === 'in' || entry.direction === 'out')
  );
}
