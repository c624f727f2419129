import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Frame } from './frame.svelte';

const minute = 60_000;

function frameOf(respond: (path: string, bearer: string | null, body: unknown) => Response) {
  let reopened = 0;
  const calls: string[] = [];
  const fetcher: typeof fetch = async (input, init) => {
    const path = String(input);
    const bearer = new Headers(init?.headers).get('Authorization');
    calls.push(`${path} ${bearer}`);
    return respond(path, bearer, init?.body);
  };
  return { frame: new Frame(() => (reopened += 1), fetcher), calls, reopened: () => reopened };
}

const session = {
  employee: { id: 'e', name: 'Anna', email: '', admin: false },
  account: { id: 'a', name: 'A' },
  event: 1,
  channels: [],
};
const granted = (token: string, minutes = 10) =>
  Response.json({ token, expiresAt: new Date(Date.now() + minutes * minute).toISOString(), session });

describe('CRM frame', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('exchanges the code for a bearer and renews it silently before it ends', async () => {
    let number = 0;
    const { frame, calls } = frameOf(() => granted(`t${++number}`));
    await frame.open('code');
    expect(frame.state).toBe('open');
    await vi.advanceTimersByTimeAsync(9 * minute + 1);
    await frame.api.send('/api/app/chats');
    expect(calls).toEqual(['/api/embed/session null', '/api/embed/renew Bearer t1', '/api/app/chats Bearer t2']);
    frame.close();
  });

  it('asks the card to open it again when the code is refused', async () => {
    const { frame, reopened } = frameOf(() => Response.json({ title: 'Used', code: 'x' }, { status: 401 }));
    await frame.open('old');
    expect([frame.state, frame.reason, reopened()]).toEqual(['closed', 'Used', 1]);
  });

  it('renews once for many 401s, and asks the card when it is refused', async () => {
    const { frame, calls, reopened } = frameOf((path) =>
      path === '/api/embed/session' ? granted('t1') : Response.json({ title: 'Over', code: 'x' }, { status: 401 }),
    );
    await frame.open('code');
    const answers = await Promise.all([frame.api.send('/api/app/a'), frame.api.send('/api/app/b')]);
    expect(answers.map((one) => one.status)).toEqual([401, 401]);
    expect(calls.filter((one) => one.startsWith('/api/embed/renew'))).toHaveLength(1);
    expect([frame.state, reopened()]).toEqual(['closed', 1]);
  });

  it('stays open and tries again when the server is away while renewing', async () => {
    let isAway = true;
    const { frame } = frameOf((path) =>
      path === '/api/embed/renew' && isAway ? new Response('', { status: 503 }) : granted('t2'),
    );
    await frame.open('code');
    await vi.advanceTimersByTimeAsync(9 * minute + 1);
    expect(frame.state).toBe('open');
    isAway = false;
    await vi.advanceTimersByTimeAsync(6_000);
    expect(frame.state).toBe('open');
    frame.close();
  });
});
