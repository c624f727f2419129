// The one way to the application programming interface: typed by the generated schema, errors as Problem.
import type { components, paths } from './schema.gen';

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
type PathsWith<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never;
}[keyof paths];
type Operation<M extends Method, P extends keyof paths> = paths[P] extends Record<M, infer O> ? O : never;
type Json<T> = T extends { content: { 'application/json': infer B } } ? B : undefined;
type Success<O> = O extends { responses: infer R }
  ? { [S in keyof R]: S extends 200 | 201 | 202 | 204 ? Json<R[S]> : never }[keyof R]
  : never;
type Parameters<O, Where extends 'path' | 'query'> = O extends { parameters: Partial<Record<Where, infer V>> }
  ? V
  : never;
type Body<O> = O extends { requestBody?: infer R } ? Json<NonNullable<R>> : undefined;

export type Answer<M extends Method, P extends keyof paths> = Success<Operation<M, P>>;

export interface CallOptions<M extends Method, P extends keyof paths> {
  path?: Parameters<Operation<M, P>, 'path'>;
  query?: Parameters<Operation<M, P>, 'query'>;
  body?: Body<Operation<M, P>>;
  signal?: AbortSignal;
}

/** What the server says of a refused request (RFC 9457). `title` is a sentence in the reader's language. */
export type Problem = components['schemas']['Problem'];

export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.title || problem.code);
    this.problem = problem;
  }

  get status(): number {
    return this.problem.status;
  }
}

/** The request reached nobody: no network, or no answer. */
export class OfflineError extends Error {}

export interface ApiOptions {
  fetch?: typeof fetch;
  /** The language of sentences in problems. */
  language: () => string;
  /** The bearer of a CRM frame; undefined where a cookie signs the request. */
  bearer?: () => string | undefined;
  /** Called on 401; true = a new bearer is at hand, ask once more. */
  renew?: () => Promise<boolean>;
}

export class Api {
  #options: ApiOptions;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  async call<M extends Method, P extends PathsWith<M>>(
    method: M,
    path: P,
    options: CallOptions<M, P> = {},
  ): Promise<Answer<M, P>> {
    const init: RequestInit = { method: method.toUpperCase() };
    if (options.signal) init.signal = options.signal;
    if (options.body !== undefined) init.body = JSON.stringify(options.body);
    const response = await this.send(url(path, options.path, options.query), init);
    if (!response.ok) throw new ApiError(await readProblem(response));
    return (response.status === 204 ? undefined : await response.json()) as Answer<M, P>;
  }

  /** Sends a signed request and gives the bare response; a 401 is tried again once with a renewed bearer. */
  async send(address: string, init: RequestInit = {}): Promise<Response> {
    const response = await this.#fetch(address, init);
    if (response.status !== 401 || !this.#options.renew) return response;
    return (await this.#options.renew()) ? this.#fetch(address, init) : response;
  }

  async #fetch(address: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('Accept-Language', this.#options.language());
    if (typeof init.body === 'string') headers.set('Content-Type', 'application/json');
    const bearer = this.#options.bearer?.();
    if (bearer) headers.set('Authorization', `Bearer ${bearer}`);
    try {
      return await (this.#options.fetch ?? fetch)(address, { ...init, headers, credentials: 'same-origin' });
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') throw error;
      throw new OfflineError('no answer', { cause: error });
    }
  }
}

function url(path: string, pathValues: unknown, query: unknown): string {
  const values = (pathValues ?? {}) as Record<string, string | number>;
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values[name])));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries((query ?? {}) as Record<string, unknown>)) {
    if (value !== undefined) search.set(name, String(value));
  }
  return search.size > 0 ? `${filled}?${search}` : filled;
}

async function readProblem(response: Response): Promise<Problem> {
  const body = (await response.json().catch(() => ({}))) as Partial<Problem>;
  return { code: '', title: '', ...body, status: response.status };
}
