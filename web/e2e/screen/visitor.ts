import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { seen } from '../run/within.ts';
import { Desk } from './browser.ts';

/** A visitor of the site with the widget; everything of it lives in its shadow tree. */
export class Visitor {
  readonly desk: Desk;
  readonly page: Page;

  private constructor(desk: Desk, page: Page) {
    this.desk = desk;
    this.page = page;
  }

  static async come(browser: Browser, widgetURL: string, options: BrowserContextOptions = {}): Promise<Visitor> {
    const desk = await Desk.open(browser, { viewport: { width: 1100, height: 800 }, ...options });
    const visitor = new Visitor(desk, await desk.page(widgetURL));
    await visitor.openWidget();
    return visitor;
  }

  async openWidget(): Promise<void> {
    const launcher = await seen(this.page.getByTestId('sb-launcher'), 'the widget’s button', 10);
    if ((await launcher.getAttribute('aria-expanded')) !== 'true') await launcher.click();
    await seen(this.page.getByTestId('sb-input'), 'the widget’s field', 5);
  }

  message(text: string): Locator {
    return this.page.getByTestId('sb-message').filter({ hasText: text });
  }

  async write(text: string): Promise<void> {
    await this.page.getByTestId('sb-input').fill(text);
    await this.page.getByTestId('sb-input').press('Enter');
  }

  /** Leaves name and phone in the widget's small form. */
  async introduce(name: string, phone: string): Promise<void> {
    await this.page.locator('button.offer').click();
    await this.page.locator('form.call input[autocomplete=name]').fill(name);
    await this.page.locator('form.call input[autocomplete=tel]').fill(phone);
    await this.page.locator('form.call button.solid').click();
  }
}
