// A small server of docs/webchat-protocol.md with faults and an append-only ledger, for the widget's trials.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StoredEntry {
  id: string;
  seq: number;
  at: string;
  direction: 'in' | 'out';
  kind: string;
  text?: string;
  author?: string;
  target?: string;
}

/** What happens to one request: `lost` = done, but the answer never comes; `drop` = cut before it is done. */
export type Fault = 'lost' | 'drop' | 'slow' | 500 | 503 | 429 | 400 | 401 | 403 | 404 | 'portal';

interface FakeSession {
  clientId: string;
  identity: Record<string, string>;
  entries: StoredEntry[];
}

export class FakeServer {
  /** Every accepted message, in order of acceptance, with the session that sent it. */
  readonly ledger: { session: string; id: string; text: string }[] = [];
  /** Every request that came: method, path, status or fault. */
  readonly requests: string[] = [];
  readonly sessions = new Map<string, FakeSession>();
  /** Faults for the next POSTs to `messages`, one each. */
  messageFaults: Fault[] = [];
  sessionFaults: Fault[] = [];
  readFaults: Fault[] = [];
  fired = 0;
  pageCSP = '';
  tagAttributes = '';
  pageStyles = '';
  private waiting = new Set<() => void>();
  private server: Server;

  constructor(private readonly widget: () => string) {
    this.server = createServer((request, response) => void this.answer(request, response));
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://localhost:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Adds an entry as the company; the last session made is meant. */
  reply(entry: Partial<StoredEntry>): StoredEntry {
    const [session] = [...this.sessions.values()].slice(-1);
    if (!session) throw new Error('no session yet');
    const whole = { ...this.next(session), direction: 'out' as const, kind: 'text', author: 'Anna', ...entry };
    session.entries.push(whole);
    this.wakeAll();
    return whole;
  }

  forgetSessions(): void {
    this.sessions.clear();
    this.wakeAll();
  }

  private wakeAll(): void {
    for (const wake of this.waiting) wake();
  }

  private next(session: FakeSession): { id: string; seq: number; at: string } {
    return { id: randomUUID(), seq: session.entries.length + 1, at: new Date().toISOString() };
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname === '/') return this.page(response);
    if (url.pathname.endsWith('/widget.js')) {
      response.setHeader('Content-Type', 'text/javascript');
      return void response.end(this.widget());
    }
    response.setHeader('Access-Control-Allow-Origin', request.headers.origin ?? '*');
    response.setHeader('Access-Control-Expose-Headers', 'Retry-After');
    if (request.method === 'OPTIONS') return this.preflight(response);
    const body = await read(request);
    const call = `${request.method} ${url.pathname.split('/').pop()}`;
    const fault = this.faultFor(call);
    this.requests.push(`${call} ${fault ?? ''}`.trim());
    if (fault === 'drop') return void response.destroy();
    if (fault === 'slow') await new Promise((resolve) => setTimeout(resolve, 700));
    if (fault === 'portal') return void response.writeHead(404, { 'Content-Type': 'text/html' }).end('<h1>Log in</h1>');
    if (typeof fault === 'number') return problem(response, fault);
    await this.serve(call, url, request, body, fault === 'lost' ? lostResponse(response) : response);
  }

  private faultFor(call: string): Fault | undefined {
    const plan = { 'POST messages': this.messageFaults, 'POST sessions': this.sessionFaults }[call] ?? this.readFaults;
    const fault = plan.shift();
    if (fault) this.fired++;
    return fault;
  }

  private preflight(response: ServerResponse): void {
    response.setHeader('Access-Control-Allow-Methods', 'GET, POST');
    response.setHeader('Access-Control-Allow-Headers', 'authorization, content-type');
    response.writeHead(204).end();
  }

  private async serve(
    call: string,
    url: URL,
    request: IncomingMessage,
    body: string,
    response: ServerResponse,
  ): Promise<void> {
    if (call === 'POST sessions') return this.makeSession(body, response);
    const token = (request.headers.authorization ?? '').replace('Bearer ', '');
    const session = this.sessions.get(token);
    if (!session) return problem(response, 401);
    if (call === 'POST messages') return this.accept(token, session, body, response);
    return this.list(token, url, response);
  }

  private makeSession(body: string, response: ServerResponse): void {
    const token = `wst_${randomUUID()}`;
    const clientId = randomUUID();
    this.sessions.set(token, { clientId, identity: JSON.parse(body), entries: [] });
    json(response, 201, { token, clientId });
  }

  private accept(token: string, session: FakeSession, body: string, response: ServerResponse): void {
    const { id, text } = JSON.parse(body) as { id: string; text: string };
    const known = session.entries.find((entry) => entry.id === id);
    if (known && known.text !== text) return problem(response, 409);
    if (known) return json(response, 200, { id, seq: known.seq, at: known.at });
    const entry: StoredEntry = { ...this.next(session), id, direction: 'in', kind: 'text', text };
    session.entries.push(entry);
    this.ledger.push({ session: token, id, text });
    json(response, 201, { id, seq: entry.seq, at: entry.at });
    this.wakeAll();
  }

  private async list(token: string, url: URL, response: ServerResponse): Promise<void> {
    const after = Number(url.searchParams.get('after'));
    const fresh = () => (this.sessions.get(token)?.entries ?? []).filter((entry) => entry.seq > after).slice(0, 200);
    if (!fresh().length)
      await this.wait(Number(url.searchParams.get('wait')) * 1000, response, () => fresh().length > 0);
    if (!this.sessions.has(token)) return problem(response, 401);
    json(response, 200, { messages: fresh(), later: 'fields are only added' });
  }

  private wait(ms: number, response: ServerResponse, isReady: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.waiting.delete(wake);
        resolve();
      };
      const wake = () => (isReady() || !this.sessions.size) && done();
      const timer = setTimeout(done, ms);
      this.waiting.add(wake);
      response.on('close', done);
    });
  }

  private page(response: ServerResponse): void {
    if (this.pageCSP) response.setHeader('Content-Security-Policy', this.pageCSP);
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(`<!doctype html><meta name="viewport" content="width=device-width,initial-scale=1"><title>Shop</title>
<link rel="icon" href="data:,"><style nonce="page">body{font:18px/1.6 Georgia,serif;margin:40px;color:#234}${this.pageStyles}</style>
<h1>Lamp shop</h1><p>Our lamps are made by hand. <button id="own">Add to cart</button></p>
<script src="/webchat/v1/k3Jd82mQ/widget.js" async ${this.tagAttributes}></script>`);
  }
}

async function read(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}

function json(response: ServerResponse, status: number, body: object): void {
  response
    .writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
    .end(JSON.stringify(body));
}

function problem(response: ServerResponse, status: number): void {
  if (status === 429 || status === 503) response.setHeader('Retry-After', '1');
  response.writeHead(status, { 'Content-Type': 'application/problem+json' });
  response.end(JSON.stringify({ type: 'about:blank', title: `Problem ${status}`, status }));
}

/** The work is done; its answer is cut. */
function lostResponse(response: ServerResponse): ServerResponse {
  response.writeHead = (() => ({ end: () => response.destroy() })) as unknown as typeof response.writeHead;
  return response;
}
