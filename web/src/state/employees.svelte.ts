// People who work in Switchboard; the list comes from the CRM.
import type { Api } from '../api/client';
import type { Employee } from '../nouns';

export interface Invitation {
  url: string;
  expiresAt: string;
}

export class Employees {
  #api: Api;
  #all = $state.raw<readonly Employee[]>();
  #error = $state.raw<unknown>();

  constructor(api: Api) {
    this.#api = api;
  }

  /** undefined until loaded. */
  get all(): readonly Employee[] | undefined {
    return this.#all;
  }

  get error(): unknown {
    return this.#error;
  }

  async load(): Promise<void> {
    try {
      this.#all = (await this.#api.call('get', '/api/app/employees')).employees;
      this.#error = undefined;
    } catch (error) {
      this.#error = error;
    }
  }

  async change(id: string, change: { admin?: boolean; active?: boolean }): Promise<void> {
    const path = { employee: id };
    const changed = await this.#api.call('patch', '/api/app/employees/{employee}', { path, body: change });
    this.#all = this.#all?.map((other) => (other.id === id ? changed : other));
  }

  async invite(id: string): Promise<Invitation> {
    return this.#api.call('post', '/api/app/employees/{employee}/invitation', { path: { employee: id } });
  }
}
