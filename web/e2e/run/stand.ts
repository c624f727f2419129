import { join } from 'node:path';
import { binaryPath, freshFolder, runFolder } from './paths.ts';
import { Program } from './program.ts';

interface Addresses {
  controlURL: string;
  telegramURL: string;
  crmURL: string;
  crmToken: string;
  appSecret: string;
}

/** One message that reached a Telegram user. */
export interface Sent {
  method: string;
  messageId: number;
  text?: string;
  replyTo?: number;
  fileName?: string;
}

export interface Owner {
  id: string;
  userId: number;
  email: string;
  firstName: string;
  lastName: string;
  archived: boolean;
}

/** Stand-ins of Telegram and HubSpot, as a process of their own. */
export class Standins {
  readonly #program: Program;
  readonly addresses: Addresses;

  private constructor(program: Program, addresses: Addresses) {
    this.#program = program;
    this.addresses = addresses;
  }

  static async start(language = 'en'): Promise<Standins> {
    const { SWITCHBOARD_TEST_POSTGRES } = process.env;
    const program = new Program(join(runFolder(), 'botserver'), ['-language', language], { SWITCHBOARD_TEST_POSTGRES });
    const [line] = await program.line(/^\{.*\}$/);
    return new Standins(program, JSON.parse(line) as Addresses);
  }

  addBot(token: string, username: string): Promise<unknown> {
    return this.#control('POST', '/bots', { token, username });
  }

  /** A PostgreSQL database of its own, dropped at the end. */
  async database(): Promise<string> {
    const { url } = (await this.#control('POST', '/databases', {})) as { url: string };
    return url;
  }

  user(bot: string, user: number, name: string): TelegramUser {
    return new TelegramUser((method, path, body) => this.#control(method, path, body), bot, user, name);
  }

  owners(): Promise<Owner[]> {
    return ask('GET', `${this.addresses.crmURL}/sandbox/owners`) as Promise<Owner[]>;
  }

  setOwners(owners: Owner[]): Promise<unknown> {
    return setOwners(this.addresses.crmURL, owners);
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }

  #control(method: string, path: string, body?: unknown): Promise<unknown> {
    return ask(method, this.addresses.controlURL + path, body);
  }
}

export function readOwners(crmURL: string): Promise<Owner[]> {
  return ask('GET', `${crmURL}/sandbox/owners`) as Promise<Owner[]>;
}

export function setOwners(crmURL: string, owners: Owner[]): Promise<unknown> {
  return ask('PUT', `${crmURL}/sandbox/owners`, owners);
}

async function ask(method: string, url: string, body?: unknown): Promise<unknown> {
  const init: RequestInit = { method };
  if (body !== undefined) init.body = JSON.stringify(body);
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
  return response.json();
}

type Control = (method: string, path: string, body?: unknown) => Promise<unknown>;

/** A person in Telegram, in the private chat with one bot. */
export class TelegramUser {
  readonly #control: Control;
  readonly #bot: string;
  readonly #user: number;
  readonly name: string;

  constructor(control: Control, bot: string, user: number, name: string) {
    this.#control = control;
    this.#bot = bot;
    this.#user = user;
    this.name = name;
  }

  /** Does something and gives the message's id. Acts: see faulttest/botserver. */
  async does(act: string, details: Record<string, unknown> = {}): Promise<number> {
    const body = { bot: this.#bot, user: this.#user, name: this.name, act, ...details };
    const { messageId } = (await this.#control('POST', '/acts', body)) as { messageId: number };
    return messageId;
  }

  writes(text: string): Promise<number> {
    return this.does('write', { text });
  }

  /** Everything that reached the user, as soon as there are so many messages. */
  async received(wanted: number): Promise<Sent[]> {
    const path = `/sent?bot=${encodeURIComponent(this.#bot)}&user=${this.#user}&wait=${wanted}`;
    const { sent } = (await this.#control('GET', path)) as { sent: Sent[] };
    return sent;
  }
}

/** A running `switchboard serve` beside its stand-ins. */
export class Server {
  readonly #program: Program;
  readonly url: string;
  readonly setUpURL: string;

  private constructor(program: Program, url: string, setUpURL: string) {
    this.#program = program;
    this.url = url;
    this.setUpURL = setUpURL;
  }

  static async start({ addresses }: Standins, database?: string): Promise<Server> {
    const folder = freshFolder('serve');
    const program = new Program(binaryPath, ['serve'], {
      SWITCHBOARD_DATABASE: database ?? `sqlite:${join(folder, 'switchboard.db')}`,
      SWITCHBOARD_DATA: folder,
      SWITCHBOARD_LISTEN: '127.0.0.1:0',
      SWITCHBOARD_TELEGRAM_URL: addresses.telegramURL,
      SWITCHBOARD_HUBSPOT_URL: addresses.crmURL,
      SWITCHBOARD_ALLOW_PRIVATE: '127.0.0.1',
    });
    const [setUpURL] = await program.line(/https?:\/\/\S+\/setup\S*/, 60);
    await program.line(/switchboard is ready/, 60);
    return new Server(program, new URL(setUpURL).origin, setUpURL);
  }

  output(): string {
    return this.#program.tail();
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}
