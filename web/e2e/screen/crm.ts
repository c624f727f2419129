import type { Browser, BrowserContextOptions, FrameLocator, Locator, Page } from 'playwright-core';
import { seen } from '../run/within.ts';
import { Desk } from './browser.ts';
import { ChatWindow } from './employee.ts';

/** Somebody at the CRM's own pages, which renew themselves every second. */
export class CrmScreen {
  readonly desk: Desk;
  readonly url: string;
  readonly contacts: Page;
  readonly deals: Page;

  private constructor(desk: Desk, url: string, contacts: Page, deals: Page) {
    this.desk = desk;
    this.url = url;
    this.contacts = contacts;
    this.deals = deals;
  }

  static async open(browser: Browser, crmURL: string, options: BrowserContextOptions = {}): Promise<CrmScreen> {
    const desk = await Desk.open(browser, options);
    return new CrmScreen(desk, crmURL, await desk.page(`${crmURL}/contacts`), await desk.page(`${crmURL}/deals`));
  }

  get contactRows(): Locator {
    return this.contacts.getByTestId('contact-row');
  }

  get dealRows(): Locator {
    return this.deals.getByTestId('deal-row');
  }

  contact(name: string): Locator {
    return this.contactRows.filter({ has: this.contacts.getByTestId('row-name').getByText(name) });
  }

  /** The page of a record that a row leads to. */
  async record(row: Locator): Promise<RecordPage> {
    const path = await row.first().getAttribute('href');
    return new RecordPage(await this.desk.page(new URL(path ?? '', this.url).href));
  }
}

/** A contact's or a deal's page. */
export class RecordPage {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  at(testId: string): Locator {
    return this.page.getByTestId(testId);
  }

  entry(text: string): Locator {
    return this.page.getByTestId('timeline-entry').filter({ hasText: text });
  }

  /** The text stands in the entry's body, seen by expanding it (TIME-2). */
  async expanded(text: string): Promise<Locator> {
    const entry = this.entry(text).first();
    if ((await entry.getAttribute('open')) === null) await entry.locator('summary').click();
    return seen(entry.getByTestId('timeline-body').filter({ hasText: text }), `the expanded entry “${text}”`);
  }

  async giveTo(ownerName: string): Promise<void> {
    await this.page.locator('select[data-testid=owner]').selectOption({ label: ownerName });
    await seen(this.page.locator(`select[data-testid=owner][data-owner-name="${ownerName}"]`), `owner ${ownerName}`);
  }

  async actAs(ownerName: string): Promise<void> {
    const reloaded = this.page.waitForEvent('load');
    await this.page.getByTestId('signed-in-as').selectOption({ label: ownerName });
    await reloaded;
  }

  /** Opens the card's chat in its frame. */
  async openChat(button: 'open-chat' | 'all-chats' = 'open-chat'): Promise<ChatWindow> {
    await this.page.getByTestId(button).click();
    const frame: FrameLocator = this.page.frameLocator('[data-testid=chat-frame]');
    return new ChatWindow(frame);
  }

  async closeChat(): Promise<void> {
    await this.page.getByTestId('close-chat').click();
  }
}
