// Who is signed in, and on which channels with which role.
import { ApiError, type Api } from '../api/client';
import type { MyChannel, Session } from '../nouns';

export type SessionStatus = 'unknown' | 'signed_out' | 'signed_in';

export interface SetUpForm {
  token: string;
  company: string;
  name: string;
  email: string;
  password: string;
  locale: 'ru' | 'en';
}

export class SessionState {
  #api: Api;
  #session = $state.raw<Session>();
  #status = $state<SessionStatus>('unknown');

  constructor(api: Api) {
    this.#api = api;
  }

  get status(): SessionStatus {
    return this.#status;
  }

  /** The session; only to be read while somebody is signed in. */
  get current(): Session {
    if (!this.#session) throw new Error('nobody is signed in');
    return this.#session;
  }

  get isAdmin(): boolean {
    return this.#session?.employee.admin ?? false;
  }

  get channels(): readonly MyChannel[] {
    return this.#session?.channels ?? [];
  }

  channel(id: string): MyChannel | undefined {
    return this.channels.find((channel) => channel.id === id);
  }

  /** Asks the server who is signed in. */
  async load(): Promise<Session | undefined> {
    try {
      return this.take(await this.#api.call('get', '/api/app/session'));
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      this.forget();
      return undefined;
    }
  }

  async signIn(email: string, password: string): Promise<Session> {
    return this.take(await this.#api.call('post', '/api/app/sign-in', { body: { email, password } }));
  }

  async setUp(form: SetUpForm): Promise<Session> {
    return this.take(await this.#api.call('post', '/api/app/setup', { body: form }));
  }

  async acceptInvitation(token: string, password: string, locale: 'ru' | 'en'): Promise<Session> {
    const body = { password, locale };
    return this.take(await this.#api.call('post', '/api/app/invitations/{token}', { path: { token }, body }));
  }

  async signOut(): Promise<void> {
    await this.#api.call('post', '/api/app/sign-out');
    this.forget();
  }

  async changeLocale(locale: 'ru' | 'en'): Promise<void> {
    this.take(await this.#api.call('patch', '/api/app/session', { body: { locale } }));
  }

  take(session: Session): Session {
    this.#session = session;
    this.#status = 'signed_in';
    return session;
  }

  forget(): void {
    this.#status = 'signed_out';
    this.#session = undefined;
  }
}
