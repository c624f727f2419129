// The window in the page's corner: launcher, panel, and everything about focus and size.
import { CallForm } from './callform';
import type { Chat, Picture } from './chat';
import { Composer } from './composer';
import type { Config } from './config';
import { h, icon, setText } from './dom';
import type { Store } from './store';
import { Thread } from './thread';
import { clockFor, words, type Words } from './words';
import css from './widget.css?inline';

const hostTag = 'switchboard-chat';
/** The same condition as in widget.css: the panel covers the screen and is modal. */
const fullScreen = '(max-width: 480px), (max-height: 480px)';
const hasKeyboardBelow = '(hover: none) and (pointer: coarse)';

export class View {
  private readonly host = document.createElement(hostTag);
  private readonly words: Words;
  private readonly launcher: HTMLButtonElement;
  private readonly badge = h('span', { class: 'badge', hidden: true, 'aria-hidden': 'true' });
  private readonly panel: HTMLElement;
  private readonly thread: Thread;
  private readonly pill: HTMLButtonElement;
  private readonly banner = h('p', { class: 'banner', role: 'status', hidden: true });
  private readonly form: CallForm;
  private readonly composer: Composer;
  private readonly fullScreen = matchMedia(fullScreen);
  private viewportRule: CSSStyleDeclaration | undefined;
  private isOpen = false;

  constructor(
    private readonly chat: Chat,
    config: Config,
    drafts: Store,
  ) {
    this.words = words[config.lang];
    this.launcher = this.makeLauncher();
    this.thread = this.makeThread(config);
    this.pill = h('button', { type: 'button', class: 'pill', hidden: true });
    this.form = new CallForm(this.words, {
      answer: (identity) => chat.answerForm(identity),
      done: () => this.composer.focus(),
    });
    this.composer = new Composer(this.words, drafts, (text) => this.send(text));
    this.panel = this.makePanel(config.title ?? this.words.title);
    this.attach(config);
    this.watch();
  }

  setOpen(isOpen: boolean): void {
    if (this.isOpen === isOpen || this.host.hidden) return;
    this.isOpen = isOpen;
    this.panel.hidden = !isOpen;
    this.launcher.parentElement?.classList.toggle('open', isOpen);
    this.launcher.setAttribute('aria-expanded', String(isOpen));
    this.chat.setOpen(isOpen);
    if (isOpen) this.opened();
    else this.launcher.focus({ preventScroll: true });
  }

  draw(): void {
    const picture = this.chat.picture();
    this.host.hidden = picture.isClosed;
    this.thread.draw(picture, new Date());
    this.form.draw(picture.asksForPhone, picture.isIdentityRefused, this.chat.knownIdentity());
    this.drawLauncher(picture.unread);
    this.drawBanner(picture);
    this.drawPill();
  }

  private opened(): void {
    this.fitViewport();
    this.composer.fit();
    this.thread.toEnd();
    // On a phone the keyboard would cover what the visitor came to read.
    if (matchMedia(hasKeyboardBelow).matches && this.chat.picture().messages.length) this.thread.element.focus();
    else this.composer.focus();
  }

  private send(text: string): boolean {
    const isTaken = this.chat.send(text);
    if (isTaken) this.thread.toEnd();
    return isTaken;
  }

  private makeLauncher(): HTMLButtonElement {
    const button = h('button', {
      type: 'button',
      class: 'launcher',
      'aria-haspopup': 'dialog',
      'aria-expanded': 'false',
      'data-testid': 'sb-launcher',
    });
    button.append(icon('chat'), icon('down'), this.badge);
    button.addEventListener('click', () => this.setOpen(!this.isOpen));
    return button;
  }

  private makeThread(config: Config): Thread {
    const events = {
      retry: (id: string) => this.chat.retry(id),
      discard: (id: string) => {
        this.chat.discard(id);
        this.composer.focus();
      },
    };
    return new Thread(this.words, clockFor(config.lang), config.base, events, () => this.drawPill());
  }

  private makePanel(title: string): HTMLElement {
    const close = h('button', { type: 'button', class: 'close', 'aria-label': this.words.close }, icon('cross'));
    close.addEventListener('click', () => this.setOpen(false));
    this.pill.addEventListener('click', () => {
      this.thread.toEnd();
      this.drawPill();
      this.composer.focus();
    });
    const heading = h('div', {}, h('h2', { id: 'title' }, title), h('p', {}, this.words.subtitle));
    return h(
      'section',
      { class: 'panel', role: 'dialog', 'aria-labelledby': 'title', hidden: true },
      h('header', {}, heading, close),
      h('div', { class: 'middle' }, this.thread.element, this.pill),
      this.banner,
      this.form.element,
      this.composer.element,
    );
  }

  private attach(config: Config): void {
    const root = this.host.attachShadow({ mode: 'open' });
    addStyles(root, config.nonce);
    root.append(h('div', { class: 'root', lang: config.lang }, this.panel, this.launcher));
    this.viewportRule = viewportRuleOf(root);
    document.body.append(this.host);
  }

  private watch(): void {
    this.panel.addEventListener('keydown', (event) => this.pressed(event));
    const modal = () => this.panel.setAttribute('aria-modal', String(this.fullScreen.matches));
    this.fullScreen.addEventListener('change', modal);
    modal();
    visualViewport?.addEventListener('resize', () => this.fitViewport());
    visualViewport?.addEventListener('scroll', () => this.fitViewport());
  }

  private pressed(event: KeyboardEvent): void {
    if (event.key === 'Escape' && !event.isComposing) {
      event.preventDefault();
      this.setOpen(false);
    }
    if (event.key === 'Tab' && this.fullScreen.matches) this.keepFocusInside(event);
    // The page's own shortcuts are not meant for what is typed here.
    event.stopPropagation();
  }

  private keepFocusInside(event: KeyboardEvent): void {
    const all = [...this.panel.querySelectorAll<HTMLElement>('button, a[href], input, textarea, [tabindex="0"]')];
    const reachable = all.filter((element) => element.getClientRects().length && !element.matches(':disabled'));
    const [first] = reachable;
    const last = reachable[reachable.length - 1];
    const { activeElement } = this.panel.getRootNode() as ShadowRoot;
    if (activeElement !== (event.shiftKey ? first : last)) return;
    event.preventDefault();
    (event.shiftKey ? last : first)?.focus();
  }

  /** On a phone the panel takes the part of the screen that the keyboard leaves. */
  private fitViewport(): void {
    if (!visualViewport || !this.isOpen) return;
    this.viewportRule?.setProperty('--visible-height', `${visualViewport.height}px`);
    this.viewportRule?.setProperty('--visible-top', `${visualViewport.offsetTop}px`);
  }

  private drawLauncher(unread: number): void {
    const isShown = unread > 0 && !this.isOpen;
    this.badge.hidden = !isShown;
    setText(this.badge, unread > 9 ? '9+' : String(unread));
    const closedLabel = isShown ? this.words.openNew(unread) : this.words.open;
    this.launcher.setAttribute('aria-label', this.isOpen ? this.words.close : closedLabel);
  }

  private drawBanner(picture: Picture): void {
    const { trouble } = picture;
    this.banner.hidden = !trouble;
    const waiting = picture.unsent.filter((item) => item.refused === undefined).length;
    if (trouble) setText(this.banner, trouble === 'offline' ? this.words.offline(waiting) : this.words[trouble]);
  }

  private drawPill(): void {
    const count = this.thread.below;
    this.pill.hidden = count === 0;
    if (count) this.pill.replaceChildren(icon('down'), this.words.fresh(count));
  }
}

/** A constructed sheet needs no style-src; older browsers get a style element with the script's nonce. */
function addStyles(root: ShadowRoot, nonce: string): void {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
  } catch {
    root.append(h('style', { nonce: nonce || undefined }, css));
  }
}

/** The first rule holds the sizes that change with the keyboard: written there, no style attribute is needed. */
function viewportRuleOf(root: ShadowRoot): CSSStyleDeclaration | undefined {
  const sheet = root.adoptedStyleSheets?.[0] ?? root.styleSheets[0];
  const [rule] = sheet?.cssRules ?? [];
  return rule instanceof CSSStyleRule ? rule.style : undefined;
}
