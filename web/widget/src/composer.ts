// The field for a message: Enter sends, Shift+Enter breaks the line, a counter near the limit.
import { h, icon, setText } from './dom';
import type { Store } from './store';
import { cleanText, countChars, maxTextChars } from './text';
import type { Words } from './words';

const counterFromChars = maxTextChars - 200;
const maxRows = 6;

export class Composer {
  readonly element: HTMLFormElement;
  private readonly field: HTMLTextAreaElement;
  private readonly button: HTMLButtonElement;
  private readonly counter: HTMLElement;

  /** `send` says whether it took the text; `drafts` keeps what is half written over a reload of this tab. */
  constructor(
    private readonly words: Words,
    private readonly drafts: Store,
    private readonly send: (text: string) => boolean,
  ) {
    this.field = this.makeField();
    this.button = h(
      'button',
      { type: 'submit', class: 'send', 'aria-label': words.send, 'data-testid': 'sb-send' },
      icon('send'),
    );
    this.counter = h('p', { class: 'counter', id: 'counter', role: 'status', hidden: true });
    this.element = h(
      'form',
      { class: 'composer', novalidate: true },
      this.counter,
      h('div', { class: 'row' }, this.field, this.button),
    );
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      this.submit();
    });
    this.draw();
  }

  focus(): void {
    this.field.focus({ preventScroll: true });
  }

  /** The number of lines can be measured only while the field is on the screen. */
  fit(): void {
    this.field.rows = 1;
    while (this.field.rows < maxRows && this.field.scrollHeight > this.field.clientHeight) this.field.rows++;
  }

  private makeField(): HTMLTextAreaElement {
    const { placeholder } = this.words;
    const field = h('textarea', {
      rows: '1',
      placeholder,
      'aria-label': placeholder.replace('…', ''),
      'aria-describedby': 'counter',
      enterkeyhint: 'send',
      dir: 'auto',
      'data-testid': 'sb-input',
    });
    field.value = this.drafts.get('draft') ?? '';
    field.addEventListener('input', () => this.edited());
    field.addEventListener('keydown', (event) => this.pressed(event));
    return field;
  }

  private pressed(event: KeyboardEvent): void {
    // 229: an input method is composing; its Enter chooses a word.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    if (!event.repeat) this.submit();
  }

  /** The field is emptied in the same step in which the text is taken, so a second Enter finds nothing to send. */
  private submit(): void {
    if (!this.send(this.field.value)) return;
    this.field.value = '';
    this.edited();
    this.focus();
  }

  private edited(): void {
    this.drafts.set('draft', this.field.value);
    this.draw();
    this.fit();
  }

  private draw(): void {
    const chars = countChars(cleanText(this.field.value));
    const left = maxTextChars - chars;
    this.button.disabled = chars === 0 || left < 0;
    this.counter.hidden = chars < counterFromChars;
    this.counter.classList.toggle('bad', left < 0);
    setText(this.counter, left < 0 ? this.words.over(-left) : this.words.left(left));
    if (left < 0) this.field.setAttribute('aria-invalid', 'true');
    else this.field.removeAttribute('aria-invalid');
  }
}
