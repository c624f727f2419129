// Connected channels, for administrators.
import type { Api } from '../api/client';
import type { components } from '../api/schema.gen';
import type { Channel } from '../nouns';

export type NewChannel = components['schemas']['NewChannel'];
export type ChannelChange = components['schemas']['ChannelChange'];

export class Channels {
  #api: Api;
  #all = $state.raw<readonly Channel[]>();
  #transports = $state.raw<readonly string[]>([]);
  #error = $state.raw<unknown>();

  constructor(api: Api) {
    this.#api = api;
  }

  /** undefined until loaded. */
  get all(): readonly Channel[] | undefined {
    return this.#all;
  }

  /** Transports that this server can connect. */
  get transports(): readonly string[] {
    return this.#transports;
  }

  get error(): unknown {
    return this.#error;
  }

  async load(): Promise<void> {
    try {
      const answer = await this.#api.call('get', '/api/app/channels');
      this.#all = answer.channels;
      this.#transports = answer.transports.map((info) => info.transport);
      this.#error = undefined;
    } catch (error) {
      this.#error = error;
    }
  }

  async create(channel: NewChannel): Promise<Channel> {
    const created = await this.#api.call('post', '/api/app/channels', { body: channel });
    this.#all = [...(this.#all ?? []), created];
    return created;
  }

  async change(id: string, change: ChannelChange): Promise<Channel> {
    const changed = await this.#api.call('patch', '/api/app/channels/{channel}', {
      path: { channel: id },
      body: change,
    });
    this.#all = this.#all?.map((other) => (other.id === id ? changed : other));
    return changed;
  }
}
