// The tab "Integration with CRM": settings per channel and for all channels at once (SET-1).
import type { Api } from '../api/client';
import type { AccountSettings, ChannelBlock, ChannelSettings, Crm, CrmDifference, RoleRow, Settings } from '../nouns';

export class SettingsState {
  #api: Api;
  #settings = $state.raw<Settings>();
  #error = $state.raw<unknown>();
  #difference = $state.raw<CrmDifference>();
  #isRefreshing = $state(false);

  constructor(api: Api) {
    this.#api = api;
  }

  get current(): Settings | undefined {
    return this.#settings;
  }

  get error(): unknown {
    return this.#error;
  }

  /** What the last refresh changed; undefined until one was asked for. */
  get difference(): CrmDifference | undefined {
    return this.#difference;
  }

  get isRefreshing(): boolean {
    return this.#isRefreshing;
  }

  async load(): Promise<void> {
    try {
      this.#settings = await this.#api.call('get', '/api/app/settings');
      this.#error = undefined;
    } catch (error) {
      this.#error = error;
    }
  }

  async changeAccount(change: Partial<Pick<AccountSettings, 'timeline' | 'notifySupervisors'>>): Promise<void> {
    const before = this.#settings;
    if (before) this.#settings = { ...before, account: { ...before.account, ...change } };
    try {
      this.#settings = await this.#api.call('patch', '/api/app/settings', { body: change });
    } catch (error) {
      this.#settings = before;
      throw error;
    }
  }

  async changeChannel(id: string, settings: ChannelSettings): Promise<void> {
    const path = { channel: id };
    const block = await this.#api.call('put', '/api/app/channels/{channel}/settings', { path, body: settings });
    this.#replaceBlock(block);
  }

  async readRoles(channelId: string): Promise<readonly RoleRow[]> {
    const path = { channel: channelId };
    return (await this.#api.call('get', '/api/app/channels/{channel}/roles', { path })).rows;
  }

  async changeRoles(channelId: string, rows: readonly RoleRow[]): Promise<void> {
    const body = {
      rows: rows.flatMap(({ employee, role, receives }) => (role ? [{ employeeId: employee.id, role, receives }] : [])),
    };
    await this.#api.call('put', '/api/app/channels/{channel}/roles', { path: { channel: channelId }, body });
    await this.load();
  }

  async connect(token: string): Promise<Crm> {
    const crm = await this.#api.call('put', '/api/app/crm', { body: { token } });
    await this.load();
    return crm;
  }

  async disconnect(): Promise<void> {
    await this.#api.call('delete', '/api/app/crm');
    await this.load();
  }

  async refresh(): Promise<void> {
    this.#isRefreshing = true;
    try {
      this.#difference = await this.#api.call('post', '/api/app/crm/refresh');
      await this.load();
    } finally {
      this.#isRefreshing = false;
    }
  }

  #replaceBlock(block: ChannelBlock): void {
    const settings = this.#settings;
    if (!settings) return;
    const channels = settings.channels.map((other) => (other.id === block.id ? block : other));
    this.#settings = { ...settings, channels };
  }
}
