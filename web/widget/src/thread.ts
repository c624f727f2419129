// The log of messages: days, groups, bubbles with their state. Keyed, so that nothing on the screen is drawn twice.
import type { Picture } from './chat';
import type { Message } from './conversation';
import { h, icon, setText } from './dom';
import type { Unsent } from './outbox';
import { safeHref, splitLinks } from './text';
import type { Clock, Words } from './words';

export interface ThreadEvents {
  retry: (id: string) => void;
  discard: (id: string) => void;
}

type State = 'pending' | 'sent' | 'failed' | 'received';

/** One line of the log. `key` stays the same from the clock to the check. */
interface Row {
  key: string;
  day?: string;
  message?: Message;
  state: State;
  refused?: number;
  /** First of a run by one author, last of it: the name stands above, the tail below. */
  isFirst: boolean;
  isLast: boolean;
}

const groupGapMs = 5 * 60_000;
const nearEndPx = 80;

export class Thread {
  readonly element: HTMLElement;
  /** Messages from the company that came while the visitor was reading further up. */
  below = 0;
  private readonly rows = new Map<string, { element: HTMLElement; drawn: string }>();
  private readonly hello: HTMLElement;
  private lastSeen = 0;
  /** The visitor reads the newest; he stays there when the log grows or gets less room. */
  private isAtEnd = true;

  constructor(
    private readonly words: Words,
    private readonly clock: Clock,
    private readonly base: string,
    private readonly events: ThreadEvents,
    scrolled: () => void,
  ) {
    this.hello = h('p', { class: 'hello' }, words.hello);
    this.element = h(
      'div',
      {
        class: 'log',
        role: 'log',
        'aria-live': 'polite',
        'aria-relevant': 'additions',
        'aria-label': words.log,
        tabindex: '0',
      },
      this.hello,
    );
    this.element.addEventListener('scroll', () => {
      const { scrollHeight, scrollTop, clientHeight } = this.element;
      this.isAtEnd = scrollHeight - scrollTop - clientHeight < nearEndPx;
      if (this.isAtEnd) this.below = 0;
      scrolled();
    });
    new ResizeObserver(() => this.isAtEnd && this.toEnd()).observe(this.element);
  }

  draw(picture: Picture, now: Date): void {
    const rows = this.rowsOf(picture, now);
    this.drop(new Set(rows.map((row) => row.key)));
    let before: Element = this.hello;
    for (const row of rows) before = this.place(row, before);
    this.hello.hidden = rows.length > 0;
    this.follow(picture);
  }

  toEnd(): void {
    this.below = 0;
    this.isAtEnd = true;
    this.element.scrollTop = this.element.scrollHeight;
  }

  private follow(picture: Picture): void {
    const seen = picture.messages.filter((message) => message.direction === 'out').length;
    if (this.isAtEnd) this.toEnd();
    else this.below += Math.max(0, seen - this.lastSeen);
    this.lastSeen = seen;
  }

  private drop(keep: Set<string>): void {
    for (const [key, { element }] of this.rows) {
      if (keep.has(key)) continue;
      element.remove();
      this.rows.delete(key);
    }
  }

  private place(row: Row, before: Element): Element {
    const drawn = JSON.stringify(row);
    const known = this.rows.get(row.key);
    const element = known?.element ?? this.make(row);
    if (known?.drawn !== drawn) this.fill(element, row);
    this.rows.set(row.key, { element, drawn });
    if (before.nextElementSibling !== element) before.after(element);
    return element;
  }

  private make(row: Row): HTMLElement {
    if (row.day !== undefined) return h('p', { class: 'day' });
    return h(
      'div',
      { 'data-testid': 'sb-message', 'data-id': row.key },
      h('span', { class: 'author' }),
      h('div', { class: 'bubble' }, h('span', { class: 'text', dir: 'auto' }), h('span', { class: 'meta' })),
    );
  }

  private fill(element: HTMLElement, row: Row): void {
    if (!row.message) return setText(element, row.day ?? '');
    const { message, state } = row;
    element.className = `msg ${message.direction}${row.isFirst ? ' first' : ''}${row.isLast ? ' last' : ''}`;
    element.dataset.direction = message.direction;
    element.dataset.state = state;
    this.fillAuthor(element.children[0] as HTMLElement, row, message);
    const bubble = element.children[1] as HTMLElement;
    bubble.title = this.clock.exact(new Date(message.at));
    this.fillBody(bubble.children[0] as HTMLElement, message);
    this.fillMeta(bubble.children[1] as HTMLElement, message, state);
    this.fillFailure(element, row, message.id);
  }

  private fillAuthor(author: HTMLElement, row: Row, message: Message): void {
    const isOut = message.direction === 'out';
    setText(author, isOut ? (message.author ?? this.words.company) : this.words.you);
    author.classList.toggle('vh', !isOut || !row.isFirst);
  }

  private fillBody(body: HTMLElement, message: Message): void {
    const drawn = JSON.stringify([message.text, message.deleted, message.url, message.name]);
    if (body.dataset.drawn === drawn) return;
    body.dataset.drawn = drawn;
    body.classList.toggle('note', !!message.deleted || message.kind === 'unsupported');
    body.replaceChildren(...this.bodyOf(message));
  }

  private bodyOf(message: Message): Node[] {
    if (message.deleted) return [document.createTextNode(this.words.deleted)];
    if (message.kind === 'unsupported') return [document.createTextNode(this.words.unsupported)];
    const parts: Node[] = message.kind === 'text' ? [] : [this.attachment(message)];
    if (parts.length && message.text) parts.push(document.createElement('br'));
    return [...parts, ...linked(message.text)];
  }

  private attachment(message: Message): Node {
    const isImage = message.kind === 'image';
    const label = message.name ?? (isImage ? this.words.image : this.words.file);
    const href = message.url === undefined ? undefined : safeHref(message.url, `${this.base}/`);
    if (!href) return h('span', { class: 'file' }, icon('file'), label);
    return isImage ? picture(href, label) : link(href, icon('file'), label);
  }

  private fillMeta(meta: HTMLElement, message: Message, state: State): void {
    const time = this.clock.time(new Date(message.at));
    const isEdited = message.edited && !message.deleted;
    const isOwn = state === 'pending' || state === 'sent';
    const words = isOwn ? this.words[state] : '';
    const drawn = `${isEdited} ${time} ${state}`;
    if (meta.dataset.drawn === drawn) return;
    meta.dataset.drawn = drawn;
    meta.replaceChildren(isEdited ? `${this.words.edited} ` : '', time);
    if (isOwn) meta.append(icon(state === 'sent' ? 'check' : 'clock'), h('span', { class: 'vh' }, words));
  }

  private fillFailure(element: HTMLElement, row: Row, id: string): void {
    const shown = element.children[2];
    if (row.refused === undefined) return shown?.remove();
    if (shown) return;
    const { words, events } = this;
    const why = words.refused[row.refused] ?? words.refused[0] ?? '';
    element.append(
      h(
        'div',
        { class: 'failure' },
        h('span', {}, icon('alert'), `${words.notSent}: ${why}`),
        action(words.retry, () => events.retry(id)),
        action(words.discard, () => events.discard(id)),
      ),
    );
  }

  private rowsOf(picture: Picture, now: Date): Row[] {
    const lines = [...picture.messages.map(lineOf), ...picture.unsent.map(unsentLine)];
    const rows: Row[] = [];
    let day = '';
    lines.forEach((line, at) => {
      const lineDay = this.clock.day(new Date(line.message.at), now);
      const isNewDay = lineDay !== day;
      if (isNewDay)
        rows.push({
          key: `day ${lineDay} ${line.message.era}`,
          day: lineDay,
          state: 'sent',
          isFirst: true,
          isLast: true,
        });
      day = lineDay;
      const isFirst = isNewDay || !isOneRun(lines[at - 1]?.message, line.message);
      rows.push({ key: line.message.id, ...line, isFirst, isLast: !isOneRun(line.message, lines[at + 1]?.message) });
    });
    return rows;
  }
}

interface Line {
  message: Message;
  state: State;
  refused?: number;
}

function lineOf(message: Message): Line {
  return { message, state: message.direction === 'in' ? 'sent' : 'received' };
}

function unsentLine(item: Unsent): Line {
  const at = new Date(item.order).toISOString();
  const message: Message = { id: item.id, era: 0, seq: 0, at, direction: 'in', kind: 'text', text: item.text };
  return item.refused === undefined
    ? { message, state: 'pending' }
    : { message, state: 'failed', refused: item.refused };
}

function isOneRun(a: Message | undefined, b: Message | undefined): boolean {
  if (!a || !b || a.direction !== b.direction || a.author !== b.author) return false;
  return Math.abs(Date.parse(b.at) - Date.parse(a.at)) < groupGapMs;
}

function linked(text: string): Node[] {
  return splitLinks(text).map((part) => (part.href ? link(part.href, part.text) : document.createTextNode(part.text)));
}

function link(href: string, ...children: (Node | string)[]): HTMLElement {
  return h('a', { href, target: '_blank', rel: 'noopener noreferrer nofollow' }, ...children);
}

/** The picture's box has its size before it loads, so the log does not jump; one that does not load becomes its name. */
function picture(href: string, label: string): HTMLElement {
  const image = h('img', { src: href, alt: label, loading: 'lazy', decoding: 'async', referrerpolicy: 'no-referrer' });
  const frame = link(href, image);
  frame.className = 'picture';
  image.addEventListener('error', () => {
    frame.className = '';
    frame.replaceChildren(icon('file'), label);
  });
  return frame;
}

function action(label: string, run: () => void): HTMLElement {
  const button = h('button', { type: 'button', class: 'action' }, label);
  button.addEventListener('click', run);
  return button;
}
