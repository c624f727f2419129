// What stands beside a chat: the client, deals and what the viewer may do. Read when the chat is opened and after
// each event that may have changed it.
import type { Api } from '../api/client';
import type { ChatDetail } from '../nouns';

const mostDetails = 30;

export class Details {
  #api: Api;
  #byChat = $state.raw<ReadonlyMap<string, ChatDetail>>(new Map());
  /** The latest request wins, whatever the order of answers. */
  #asked = new Map<string, number>();
  #requests = 0;

  constructor(api: Api) {
    this.#api = api;
  }

  get(chatId: string): ChatDetail | undefined {
    return this.#byChat.get(chatId);
  }

  async load(chatId: string): Promise<void> {
    const request = ++this.#requests;
    this.#asked.set(chatId, request);
    const detail = await this.#api.call('get', '/api/app/chats/{chat}', { path: { chat: chatId } });
    if (this.#asked.get(chatId) === request) this.put(chatId, detail);
  }

  put(chatId: string, detail: ChatDetail): void {
    const others = [...this.#byChat].filter(([id]) => id !== chatId).slice(1 - mostDetails);
    this.#byChat = new Map([...others, [chatId, detail]]);
  }

  remove(chatId: string): void {
    this.#asked.delete(chatId);
    this.#byChat = new Map([...this.#byChat].filter(([id]) => id !== chatId));
  }
}
