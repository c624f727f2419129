// The small form before the first message: a name and a phone to call back, or not.
import { identityLimits, type Identity } from './config';
import { h, icon } from './dom';
import type { Words } from './words';

export interface CallFormEvents {
  answer: (identity: Identity) => void;
  /** The form goes away: the focus belongs to the message field again. */
  done: () => void;
}

export class CallForm {
  readonly element: HTMLElement;
  private readonly offer: HTMLButtonElement;
  private readonly fields: HTMLElement;
  private readonly hint: HTMLElement;
  private readonly name: HTMLInputElement;
  private readonly phone: HTMLInputElement;
  private wasRefused = false;

  constructor(
    private readonly words: Words,
    private readonly events: CallFormEvents,
  ) {
    this.offer = h('button', { type: 'button', class: 'offer', 'aria-expanded': 'false', 'aria-controls': 'call' });
    this.offer.append(h('span', {}, words.callOffer), icon('down'));
    this.name = input('text', 'name', identityLimits.name);
    this.phone = input('tel', 'tel', identityLimits.phone);
    this.hint = h('p', { class: 'hint', role: 'status' }, words.callHint);
    this.fields = this.makeFields();
    this.element = h('form', { class: 'call', novalidate: true }, this.offer, this.fields);
    this.offer.addEventListener('click', () => this.expand(this.fields.hidden));
    this.element.addEventListener('submit', (event) => this.submit(event));
  }

  draw(isShown: boolean, isRefused: boolean, known: Identity): void {
    this.element.hidden = !isShown;
    if (isRefused === this.wasRefused) return;
    this.wasRefused = isRefused;
    this.hint.textContent = isRefused ? this.words.callRefused : this.words.callHint;
    this.hint.classList.toggle('bad', isRefused);
    if (isRefused) this.correct(known);
  }

  private correct(known: Identity): void {
    this.name.value = known.name ?? '';
    this.phone.value = known.phone ?? '';
    this.expand(true);
  }

  private makeFields(): HTMLElement {
    const skip = h('button', { type: 'button', class: 'plain' }, this.words.skip);
    skip.addEventListener('click', () => this.answer({}));
    const buttons = h(
      'div',
      { class: 'buttons' },
      skip,
      h('button', { type: 'submit', class: 'solid' }, this.words.save),
    );
    return h(
      'div',
      { class: 'fields', id: 'call', hidden: true },
      h('label', {}, this.words.name, this.name),
      h('label', {}, this.words.phone, this.phone),
      this.hint,
      buttons,
    );
  }

  private expand(isExpanded: boolean): void {
    this.fields.hidden = !isExpanded;
    this.offer.setAttribute('aria-expanded', String(isExpanded));
    if (isExpanded) this.name.focus();
  }

  private submit(event: Event): void {
    event.preventDefault();
    const hasDetails = this.name.value.trim() || this.phone.value.trim();
    if (hasDetails) this.answer({ name: this.name.value, phone: this.phone.value });
    else this.phone.focus();
  }

  private answer(identity: Identity): void {
    this.expand(false);
    this.events.answer(identity);
    this.events.done();
  }
}

function input(type: string, autocomplete: string, maxChars: number): HTMLInputElement {
  return h('input', { type, autocomplete, maxlength: String(maxChars) });
}
