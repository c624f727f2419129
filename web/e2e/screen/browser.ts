import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
}

/** A person's browser: a profile of its own, and what its pages complained about. */
export class Desk {
  /** Errors of pages: script errors, breaches of the content security policy, failed requests nobody expects. */
  readonly complaints: string[] = [];
  readonly context: BrowserContext;

  private constructor(context: BrowserContext) {
    this.context = context;
    context.setDefaultTimeout(10_000);
    context.on('weberror', (error) => this.complaints.push(String(error.error())));
    context.on('console', (line) => {
      const isExpected = /Failed to load resource|net::ERR_|Slow network/.test(line.text());
      if (line.type() === 'error' && !isExpected) this.complaints.push(line.text());
    });
    context.on('response', (answer) => {
      if (answer.status() >= 500) this.complaints.push(`${answer.status()} ${answer.url()}`);
    });
  }

  static async open(browser: Browser, options: BrowserContextOptions = {}): Promise<Desk> {
    const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, locale: 'en-GB', ...options });
    return new Desk(context);
  }

  async page(url: string): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(url);
    return page;
  }

  close(): Promise<void> {
    return this.context.close();
  }
}
