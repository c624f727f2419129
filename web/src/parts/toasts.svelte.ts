// Short notes at the bottom of the screen; one with an undo stays for ten seconds.

export interface Toast {
  id: number;
  text: string;
  isError: boolean;
  action?: { label: string; run: () => void };
}

const shownMilliseconds = 5_000;
const undoMilliseconds = 10_000;
const mostToasts = 3;

class Toasts {
  #all = $state<Toast[]>([]);
  #next = 1;

  get all(): readonly Toast[] {
    return this.#all;
  }

  say(text: string): void {
    this.#add({ text, isError: false }, shownMilliseconds);
  }

  fail(text: string): void {
    this.#add({ text, isError: true }, undoMilliseconds);
  }

  /** Says what was done and offers to take it back. */
  offer(text: string, label: string, run: () => void): void {
    this.#add({ text, isError: false, action: { label, run } }, undoMilliseconds);
  }

  dismiss(id: number): void {
    this.#all = this.#all.filter((toast) => toast.id !== id);
  }

  #add(toast: Omit<Toast, 'id'>, milliseconds: number): void {
    const id = this.#next++;
    const others = this.#all.filter((other) => other.text !== toast.text);
    this.#all = [...others, { id, ...toast }].slice(-mostToasts);
    setTimeout(() => this.dismiss(id), milliseconds);
  }
}

export const toasts = new Toasts();
