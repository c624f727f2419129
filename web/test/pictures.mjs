// Takes pictures of every screen from the trial server into test/pictures. Usage: node test/pictures.mjs [name part]
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { start } from './server.mjs';

const only = process.argv[2] ?? '';
const out = fileURLToPath(new URL('./pictures/', import.meta.url));
const port = 8791;
const base = `http://127.0.0.1:${port}`;
const sizes = {
  wide: { width: 1400, height: 860 },
  phone: { width: 390, height: 844 },
  card: { width: 400, height: 640 },
};
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

mkdirSync(out, { recursive: true });
const server = await start(port);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
const troubles = [];

const go = (path) => (page) => page.goto(base + path);
const shots = [
  ['sign-in', undefined, go('/')],
  ['invitation', undefined, go('/invitation/new')],
  ['list', 'maria', go('/chats')],
  ['thread', 'anna', go('/chats/1')],
  ['thread-supervisor', 'maria', go('/chats/7')],
  ['media', 'anna', go('/chats/5')],
  ['failed', 'anna', go('/chats/4')],
  ['closed', 'maria', go('/chats/3')],
  ['quality', 'oleg', go('/chats/2')],
  [
    'why',
    'anna',
    async (page) => {
      await go('/chats/1')(page);
      await page.getByTestId('why').first().click();
      await page.getByTestId('why-sentence').waitFor();
    },
  ],
  [
    'panel',
    'anna',
    async (page) => {
      await go('/chats/1')(page);
      await page.getByTestId('thread').waitFor();
      await page.waitForTimeout(500);
      if (!(await page.getByTestId('client-panel').count())) await page.getByTestId('panel-toggle').click();
      await page.getByTestId('deal').first().waitFor();
    },
  ],
  [
    'too-long',
    'anna',
    async (page) => {
      await go('/chats/1')(page);
      await page.getByTestId('composer').fill('ы'.repeat(4100));
    },
  ],
  ['integration', 'maria', go('/integration')],
  [
    'roles',
    'maria',
    async (page) => {
      await go('/integration')(page);
      await page.getByTestId('choose-roles').first().click();
      await page.getByTestId('role-row').first().waitFor();
      await page.locator('[data-employee-id=e-boris] [data-value=quality_control]').click();
    },
  ],
  ['channels', 'maria', go('/channels')],
  [
    'channel-new',
    'maria',
    async (page) => {
      await go('/channels')(page);
      await page.getByTestId('add-telegram_bot').click();
    },
  ],
  ['employees', 'maria', go('/employees')],
  [
    'invite',
    'maria',
    async (page) => {
      await go('/employees')(page);
      await page.getByTestId('invite').nth(1).click();
      await page.getByTestId('invitation-url').waitFor();
    },
  ],
  [
    'me',
    'maria',
    async (page) => {
      await go('/chats')(page);
      await page.getByTestId('me').click();
    },
  ],
  ['embed', undefined, go('/embed#good-101'), ['card']],
  [
    'embed-panel',
    undefined,
    async (page) => {
      await go('/embed#good-101')(page);
      await page.getByTestId('panel-toggle').click();
      await page.getByTestId('deal').first().waitFor();
    },
    ['card'],
  ],
  ['embed-closed', undefined, go('/embed#bad'), ['card']],
];

async function shoot(name, who, act, size, theme, language) {
  const context = await browser.newContext({
    viewport: sizes[size],
    colorScheme: theme,
    locale: language === 'ru' ? 'ru-RU' : 'en-GB',
    deviceScaleFactor: 1,
  });
  if (who) await context.addCookies([{ name: 'switchboard_session', value: `e-${who}`, url: base }]);
  const page = await context.newPage();
  const label = `${name}-${size}-${theme}-${language}`;
  page.on('console', (line) => line.type() === 'error' && troubles.push(`${label}: ${line.text()}`));
  page.on('pageerror', (error) => troubles.push(`${label}: ${error}`));
  await act(page);
  await page.waitForTimeout(450);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  if (overflow) troubles.push(`${label}: wider than the screen`);
  await page.screenshot({ path: `${out}${label}.png` });
  await context.close();
}

for (const [name, who, act, inSizes = ['wide', 'phone']] of shots) {
  if (!name.includes(only)) continue;
  for (const size of inSizes) {
    const theme = size === 'phone' ? 'dark' : 'light';
    await shoot(name, who, act, size, theme, 'ru').catch((error) =>
      troubles.push(`${name} ${size}: ${error.message.split('\n')[0]}`),
    );
    if (process.env.ALL)
      await shoot(name, who, act, size, theme === 'dark' ? 'light' : 'dark', 'en').catch((error) =>
        troubles.push(`${name} ${size}: ${error.message.split('\n')[0]}`),
      );
  }
}
await browser.close();
server.close();
server.closeAllConnections();
console.log(troubles.length === 0 ? 'no troubles' : troubles.join('\n'));
