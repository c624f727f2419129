import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { seen } from '../run/within.ts';
import { Desk } from './browser.ts';

/** An employee at the app's screens. */
export class EmployeeScreen {
  readonly desk: Desk;
  readonly page: Page;
  readonly chats: ChatWindow;

  constructor(desk: Desk, page: Page) {
    this.desk = desk;
    this.page = page;
    this.chats = new ChatWindow(page);
  }

  /** Signs in by hand: address, password, button. */
  static async signIn(
    browser: Browser,
    appURL: string,
    who: { email: string; password: string },
    options: BrowserContextOptions = {},
  ): Promise<EmployeeScreen> {
    const desk = await Desk.open(browser, options);
    const page = await desk.page(appURL);
    await page.getByTestId('sign-in-email').fill(who.email);
    await page.getByTestId('sign-in-password').fill(who.password);
    await page.getByTestId('sign-in-submit').click();
    await seen(page.getByTestId('nav-chats'), `${who.email} is signed in`, 10);
    return new EmployeeScreen(desk, page);
  }

  async go(place: 'chats' | 'integration' | 'channels' | 'employees'): Promise<void> {
    await this.page.getByTestId(`nav-${place}`).click();
    await this.page.waitForURL(`**/${place}`);
  }
}

/** The chats window, in the app or in a CRM's frame. */
export class ChatWindow {
  readonly #root: { getByTestId: (id: string) => Locator };

  constructor(root: { getByTestId: (id: string) => Locator }) {
    this.#root = root;
  }

  /** The row of the chat whose last message reads so. */
  row(text: string): Locator {
    return this.#root.getByTestId('chat-row').filter({ hasText: text });
  }

  message(text: string): Locator {
    return this.#root.getByTestId('message').filter({ hasText: text });
  }

  get composer(): Locator {
    return this.#root.getByTestId('composer');
  }

  get closedComposer(): Locator {
    return this.#root.getByTestId('composer-disabled');
  }

  at(testId: string): Locator {
    return this.#root.getByTestId(testId);
  }

  async open(text: string): Promise<void> {
    await (await seen(this.row(text), `a chat that says “${text}”`, 10)).first().click();
    await seen(this.#root.getByTestId('thread'), 'the thread', 5);
  }

  async answer(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.composer.press('Enter');
    await seen(this.message(text), `own message “${text}” at once`, 2);
  }
}
