// Chromium on the fake server's page, with the widget as it is built.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { build } from 'vite';
import { FakeServer } from './fakeserver';

/** Builds the widget beside nobody's output and gives its text. */
export async function builtWidget(): Promise<string> {
  const outDir = mkdtempSync(join(tmpdir(), 'widget-'));
  const configFile = fileURLToPath(new URL('../vite.config.ts', import.meta.url));
  try {
    await build({ configFile, logLevel: 'error', mode: 'production', build: { outDir } });
    return readFileSync(join(outDir, 'widget.js'), 'utf8');
  } finally {
    rmSync(outDir, { recursive: true });
  }
}

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];

export function launch(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  return chromium.launch({ executablePath, args: [...flags, '--disable-component-update', '--disable-sync'] });
}

/** One visitor: a browser profile, a server of his own, and what the page complained about. */
export class Visitor {
  readonly complaints: string[] = [];

  private constructor(
    readonly server: FakeServer,
    readonly url: string,
    readonly context: BrowserContext,
  ) {}

  static async come(browser: Browser, widget: string, options: BrowserContextOptions = {}): Promise<Visitor> {
    const server = new FakeServer(() => widget);
    const url = await server.start();
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US', ...options });
    return new Visitor(server, url, context);
  }

  async tab(isOpen = true): Promise<Page> {
    const page = await this.context.newPage();
    page.setDefaultTimeout(15_000);
    page.on('console', (message) => {
      if (['warning', 'error'].includes(message.type())) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    await page.goto(this.url);
    if (isOpen) await page.getByTestId('sb-launcher').click();
    return page;
  }

  async leave(): Promise<void> {
    await this.context.close();
    await this.server.stop();
  }
}

export async function write(page: Page, text: string): Promise<void> {
  await page.getByTestId('sb-input').fill(text);
  await page.getByTestId('sb-input').press('Enter');
}

/** The visitor's and the company's messages as the screen shows them: direction, state, text. */
export async function shown(page: Page): Promise<string[]> {
  return page.getByTestId('sb-message').evaluateAll((all) =>
    all.map((one) => {
      const { direction, state } = (one as HTMLElement).dataset;
      return `${direction} ${state} ${one.querySelector('.text')?.textContent}`;
    }),
  );
}
