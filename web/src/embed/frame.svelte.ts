// The session of a CRM frame: a one-time code from the address becomes a bearer that lives in memory only and is
// renewed before it ends. When it cannot be renewed, the card around the frame is asked to open it again.
import { Api, ApiError } from '../api/client';
import { texts } from '../i18n/i18n.svelte';
import type { FrameSession, Session } from '../nouns';

export type FrameState = 'opening' | 'open' | 'closed';

const renewBeforeMilliseconds = 60_000;
const shortestPauseMilliseconds = 5_000;

export class Frame {
  readonly api: Api;
  #state = $state<FrameState>('opening');
  #reason = $state<string>();
  #token?: string | undefined;
  #timer?: ReturnType<typeof setTimeout> | undefined;
  #renewing?: Promise<boolean> | undefined;
  #askToReopen: () => void;
  #fetch: typeof fetch;

  /** `askToReopen` tells the card around the frame that it must fetch a new link. */
  constructor(askToReopen: () => void, fetcher: typeof fetch = (...args) => fetch(...args)) {
    this.#askToReopen = askToReopen;
    this.#fetch = fetcher;
    this.api = new Api({
      fetch: fetcher,
      language: () => texts.language,
      bearer: () => this.#token,
      renew: () => this.renew(),
    });
  }

  get state(): FrameState {
    return this.#state;
  }

  /** A sentence that says why the frame is closed, where the server gave one. */
  get reason(): string | undefined {
    return this.#reason;
  }

  async open(code: string): Promise<Session | undefined> {
    if (code === '') return this.#close();
    try {
      const answer = await this.api.call('post', '/api/embed/session', { body: { code } });
      this.#take(answer);
      this.#state = 'open';
      return answer.session;
    } catch (error) {
      this.#reason = error instanceof ApiError ? error.message : undefined;
      return this.#close();
    }
  }

  /** A new bearer for the old one; true when there is one. Parallel askers share one request. */
  renew(): Promise<boolean> {
    if (this.#state !== 'open') return Promise.resolve(false);
    this.#renewing ??= this.#renew().finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }

  /** Signed out: by the server's word or because nothing can be renewed any more. */
  close(): void {
    this.#close();
  }

  async #renew(): Promise<boolean> {
    // A bare request: this one must not ask for a renewal itself.
    const once = new Api({ language: () => texts.language, bearer: () => this.#token, fetch: this.#fetch });
    try {
      this.#take(await once.call('post', '/api/embed/renew'));
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status < 500 && error.status !== 429) this.#close();
      else this.#plan(shortestPauseMilliseconds);
      return false;
    }
  }

  #take({ token, expiresAt }: FrameSession): void {
    this.#token = token;
    this.#plan(Date.parse(expiresAt) - Date.now() - renewBeforeMilliseconds);
  }

  #plan(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.renew(), Math.max(shortestPauseMilliseconds, milliseconds));
  }

  #close(): undefined {
    clearTimeout(this.#timer);
    this.#token = undefined;
    if (this.#state !== 'closed') this.#askToReopen();
    this.#state = 'closed';
  }
}
