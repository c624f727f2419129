// Unfinished words per chat, kept on this machine.
import type { Keep } from './keep';

export class Drafts {
  #keep: Keep;
  #changes = $state(0);

  constructor(keep: Keep) {
    this.#keep = keep;
  }

  get(chatId: string): string {
    void this.#changes;
    return this.#keep.draft(chatId);
  }

  put(chatId: string, text: string): void {
    this.#keep.putDraft(chatId, text);
    this.#changes++;
  }
}
