// A company at work, set up through the interface of the app, for pictures of its screens.
import { request, type APIRequestContext } from 'playwright-core';
import { expect } from 'vitest';
import type { components } from '../../src/api/schema.gen';
import { one } from './demo.ts';
import { stripes, voice } from './files.ts';
import { Server, Standins, type TelegramUser } from './stand.ts';
import { stories, type Language, type Talk } from './story.ts';

type Schemas = components['schemas'];

export const password = 'correct horse battery';
const token = '7000000002:AAE2eTestTokenOfTheStandInBot0000000';
const adminIndex = 4;
const roles = ['manager', 'manager', 'manager', 'quality_control', 'supervisor'] as const;

export class Company {
  readonly #standins: Standins;
  readonly #server: Server;
  readonly language: Language;
  #siteKey = '';
  /** A link that invites somebody, not used yet. */
  invitationURL = '';

  private constructor(standins: Standins, server: Server, language: Language) {
    this.#standins = standins;
    this.#server = server;
    this.language = language;
  }

  static async start(language: Language): Promise<Company> {
    const standins = await Standins.start(language);
    const server = await Server.start(standins);
    return new Company(standins, server, language);
  }

  get url(): string {
    return this.#server.url;
  }

  get setUpURL(): string {
    return this.#server.setUpURL;
  }

  get crmURL(): string {
    return this.#standins.addresses.crmURL;
  }

  get story() {
    return stories[this.language];
  }

  /** 0 to 2 are managers, 3 is quality control, 4 the supervisor and administrator. */
  employee(index: number): { email: string; password: string } {
    return { email: one(this.story.owners[index]).email, password };
  }

  get administrator(): { email: string; password: string } {
    return this.employee(adminIndex);
  }

  async stop(): Promise<void> {
    await this.#server.stop();
    await this.#standins.stop();
  }

  /** Claims the server for the administrator. */
  async claim(): Promise<void> {
    const { story } = this;
    await this.#standins.setOwners(story.owners);
    await this.#standins.addBot(token, story.bot);
    const api = await this.#signedOut();
    const me = one(story.owners[adminIndex]);
    const setUp = { company: story.company, name: `${me.firstName} ${me.lastName}`, email: me.email, password };
    await call(api, 'post', 'setup', { ...setUp, token: tokenOf(this.setUpURL), locale: this.language });
    await api.dispose();
  }

  /** Connects CRM and channels, gives roles and passwords. */
  async open(): Promise<void> {
    const { story } = this;
    const api = await this.#signedIn(adminIndex);
    await call(api, 'put', 'crm', { token: this.#standins.addresses.crmToken });
    await call(api, 'post', 'channels', {
      transport: 'telegram_bot',
      name: `@${story.bot}`,
      token,
      config: { mode: 'poll' },
    });
    const site = { transport: 'webchat', name: story.site, config: { origins: [] } };
    const { key } = (await call(api, 'post', 'channels', site)) as Schemas['Channel'];
    this.#siteKey = key;
    await this.#chooseTargets(api);
    await this.#invite(api);
    await api.dispose();
  }

  async #signedOut(): Promise<APIRequestContext> {
    return request.newContext({ baseURL: this.url, extraHTTPHeaders: { 'Accept-Language': this.language } });
  }

  async #signedIn(index: number): Promise<APIRequestContext> {
    const api = await this.#signedOut();
    await call(api, 'post', 'sign-in', this.employee(index));
    return api;
  }

  async #chooseTargets(api: APIRequestContext): Promise<void> {
    const settings = (await call(api, 'get', 'settings')) as Schemas['Settings'];
    const pipeline = one(settings.pipelines?.[0]);
    const stage = one(pipeline.stages.find((each) => each.offered));
    for (const { id } of settings.channels) {
      await call(api, 'put', `channels/${id}/settings`, { target: 'deal', pipeline: pipeline.id, stage: stage.id });
      const { rows } = (await call(api, 'get', `channels/${id}/roles`)) as Schemas['Roles'];
      const chosen = rows.flatMap(({ employee }) => {
        const role = roles[this.story.owners.findIndex((owner) => owner.email === employee.email)];
        return role ? [{ employeeId: employee.id, role, receives: role === 'manager' }] : [];
      });
      await call(api, 'put', `channels/${id}/roles`, { rows: chosen });
    }
  }

  async #invite(api: APIRequestContext): Promise<void> {
    const { employees } = (await call(api, 'get', 'employees')) as { employees: Schemas['Employee'][] };
    for (const [index, owner] of this.story.owners.entries()) {
      const employee = one(employees.find(({ email }) => email === owner.email));
      if (employee.signedUp) continue;
      const { url } = (await call(api, 'post', `employees/${employee.id}/invitation`)) as { url: string };
      this.invitationURL = url;
      if (index >= roles.length) continue;
      const visitor = await this.#signedOut();
      await call(visitor, 'post', `invitations/${tokenOf(url)}`, { password, locale: this.language });
      await visitor.dispose();
    }
  }

  /** Lets the clients of the story write and their managers answer. */
  async talk(): Promise<void> {
    const apis = [await this.#signedIn(0), await this.#signedIn(1), await this.#signedIn(2)];
    const seat = await this.#signedIn(adminIndex);
    for (const [index, talk] of this.story.talks.entries()) {
      const user = this.#standins.user(token, 8001 + index, talk.client);
      await this.#hold(talk, user, apis, seat);
    }
    for (const guest of this.story.guests) {
      await this.#visit(guest.name, guest.question);
      await awaitChat(seat, guest.name, (row) => row.responsible !== undefined);
    }
    await Promise.all([...apis, seat].map((api) => api.dispose()));
  }

  /** Somebody writes in the site chat, by its public protocol. */
  async #visit(name: string, text: string): Promise<void> {
    const site = `${this.url}/webchat/v1/${this.#siteKey}`;
    const json = { 'Content-Type': 'application/json' };
    const session = await fetch(`${site}/sessions`, { method: 'POST', headers: json, body: JSON.stringify({ name }) });
    const { token: bearer } = (await session.json()) as { token: string };
    const body = JSON.stringify({ id: crypto.randomUUID(), text });
    const headers = { ...json, Authorization: `Bearer ${bearer}` };
    const sent = await fetch(`${site}/messages`, { method: 'POST', headers, body });
    if (sent.status !== 201) throw new Error(`site chat: ${sent.status} ${await sent.text()}`);
  }

  async #hold(talk: Talk, user: TelegramUser, managers: APIRequestContext[], seat: APIRequestContext): Promise<void> {
    let answers = 0;
    let lines = 0;
    for (const line of talk.lines) {
      lines += 1;
      if (line.answers) {
        const chat = await awaitChat(seat, talk.client, (row) => row.responsible !== undefined);
        await answer(await mine(managers, chat), chat, line.answers);
        answers += 1;
        await user.received(answers);
      } else {
        await user.does(line.act ?? 'write', { ...file(line.act), text: line.says, minutesAgo: line.minutesAgo });
      }
      await awaitChat(seat, talk.client, (row) => row.lastSeq >= lines);
    }
  }
}

function file(act: string | undefined): Record<string, unknown> {
  if (act === 'photo') return { data: stripes() };
  if (act === 'voice') return { data: voice(), seconds: 14 };
  return act === 'document' ? { data: btoa('%PDF-1.4 '.padEnd(180_000, 'x')), mime: 'application/pdf' } : {};
}

async function awaitChat(
  api: APIRequestContext,
  client: string,
  holds: (row: Schemas['ChatRow']) => boolean,
): Promise<Schemas['ChatRow']> {
  let found: Schemas['ChatRow'] | undefined;
  await expect
    .poll(
      async () => {
        const page = (await call(api, 'get', 'chats')) as Schemas['ChatPage'];
        found = page.chats.find((row) => row.name.startsWith(client) && holds(row));
        return found !== undefined;
      },
      { timeout: 15_000, interval: 100, message: `the chat of ${client}` },
    )
    .toBe(true);
  return one(found);
}

/** The manager whose chat it is. */
async function mine(managers: APIRequestContext[], chat: Schemas['ChatRow']): Promise<APIRequestContext> {
  for (const manager of managers) {
    const session = (await call(manager, 'get', 'session')) as Schemas['Session'];
    if (session.employee.id === chat.responsible?.id) return manager;
  }
  throw new Error(`nobody of the managers is responsible for ${chat.name}`);
}

async function answer(api: APIRequestContext, chat: Schemas['ChatRow'], text: string): Promise<void> {
  await call(api, 'post', `chats/${chat.id}/messages`, { id: crypto.randomUUID(), text });
}

function tokenOf(link: string): string {
  const { pathname, hash, searchParams } = new URL(link);
  return pathname.split('/')[2] || searchParams.get('token') || hash.slice(1).replace(/^token=/, '');
}

async function call(
  api: APIRequestContext,
  method: 'get' | 'post' | 'put' | 'patch',
  path: string,
  data?: unknown,
): Promise<unknown> {
  const response = await api[method](`/api/app/${path}`, data === undefined ? {} : { data });
  if (!response.ok()) throw new Error(`${method} ${path}: ${response.status()} ${await response.text()}`);
  return response.status() === 204 ? undefined : response.json();
}
