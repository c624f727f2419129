// The visitor's session: one per browser, shared by its tabs, made with the first message.
import type { Identity } from './config';
import type { Protocol, Session } from './protocol';
import type { Store } from './store';

const sessionKey = 'session';
const lockWaitMs = 10_000;
const storageLagMs = 300;

export class Sessions {
  private session: Session | undefined;

  constructor(
    private readonly store: Store,
    private readonly protocol: Pick<Protocol, 'startSession'>,
    private readonly webLocks: LockManager | undefined,
    private readonly changed: (before: Session | undefined) => void,
  ) {
    this.session = this.stored();
  }

  current(): Session | undefined {
    return this.session;
  }

  /** The session, made now if there is none. Two tabs that ask at one instant get the same one. */
  async ensure(identity: Identity): Promise<Session> {
    return this.session ?? (await this.inTurn(() => this.create(identity)));
  }

  /** The server does not know this token any more. Does nothing when the session has been replaced since. */
  refuse(token: string): void {
    if (this.stored()?.token === token) this.store.remove(sessionKey);
    if (this.session?.token === token) this.adopt(this.stored());
  }

  /** Another tab made a session, or lost it. */
  reload(): void {
    this.adopt(this.stored() ?? this.session);
  }

  private async create(identity: Identity): Promise<Session> {
    const made = this.stored() ?? (await this.protocol.startSession(identity));
    // Without Web Locks another tab may have been faster: its session counts, ours stays empty.
    const session = this.stored() ?? made;
    this.store.writeJSON(sessionKey, session);
    this.adopt(session);
    return session;
  }

  private adopt(session: Session | undefined): void {
    if (session?.token === this.session?.token) return;
    const before = this.session;
    this.session = session;
    this.changed(before);
  }

  private stored(): Session | undefined {
    const value = this.store.readJSON<Session>(sessionKey);
    if (typeof value?.token !== 'string' || typeof value.clientId !== 'string') return undefined;
    return { token: value.token, clientId: value.clientId };
  }

  /** Runs alone among the tabs. A tab the system froze may hold the lock: after 10 s we go on without it. */
  private inTurn(work: () => Promise<Session>): Promise<Session> {
    const { webLocks } = this;
    if (!webLocks) return work();
    return new Promise((resolve, reject) => {
      const start = async () => {
        await work().then(resolve, reject);
        // What was written to localStorage reaches other processes a little later than the lock does.
        await new Promise((done) => setTimeout(done, storageLagMs));
      };
      webLocks
        .request(`${this.store.prefix}session`, { signal: AbortSignal.timeout?.(lockWaitMs) }, start)
        .catch(() => work().then(resolve, reject));
    });
  }
}
