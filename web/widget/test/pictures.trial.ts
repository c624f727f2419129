// Pictures of the widget for docs/pictures: PICTURES=DIR vitest run -c widget/vite.config.ts pictures
import { mkdirSync } from 'node:fs';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { builtWidget, launch, shown, Visitor, write } from './page';

const dir = process.env.PICTURES ?? '';
const phone = { viewport: { width: 390, height: 780 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

const scenes: { name: string; options: BrowserContextOptions; talk: string[] }[] = [
  {
    name: 'wide-en',
    options: { locale: 'en-US' },
    talk: [
      'Hello! Is the blue desk lamp in stock?',
      'Two left. Shall I keep one for you? https://shop.example/lamps/blue',
      'Yes please',
    ],
  },
  {
    name: 'wide-ru-dark',
    options: { locale: 'ru-RU', colorScheme: 'dark' },
    talk: [
      'Здравствуйте! Есть ли синяя лампа?',
      'Да, осталось две. Отложить одну для вас? https://shop.example/lamps/blue',
      'Да, пожалуйста',
    ],
  },
  {
    name: 'phone-ru',
    options: { locale: 'ru-RU', ...phone },
    talk: ['Здравствуйте! Есть ли синяя лампа?', 'Да, осталось две. Отложить одну для вас?', 'Да, пожалуйста'],
  },
];

async function talk(visitor: Visitor, page: Page, [question = '', answer = '', thanks = '']: string[]): Promise<void> {
  await write(page, question);
  await expect.poll(() => shown(page)).toHaveLength(1);
  await expect.poll(() => visitor.server.ledger.length).toBe(1);
  visitor.server.reply({ text: answer });
  visitor.server.reply({ text: '👍' });
  await expect.poll(() => shown(page)).toHaveLength(3);
  visitor.server.messageFaults = ['slow', 'drop', 'drop'];
  await write(page, thanks);
}

test.skipIf(!dir).each(scenes)('picture $name', async ({ name, options, talk: lines }) => {
  mkdirSync(dir, { recursive: true });
  const browser = await launch();
  const visitor = await Visitor.come(browser, await builtWidget(), { reducedMotion: 'reduce', ...options });
  const page = await visitor.tab(false);
  await page.screenshot({ path: `${dir}/widget-${name}-closed.png` });
  await page.getByTestId('sb-launcher').click();
  await page.screenshot({ path: `${dir}/widget-${name}-empty.png` });
  await page.locator('.offer').click();
  await page.screenshot({ path: `${dir}/widget-${name}-form.png` });
  await page.locator('.plain').click();
  await talk(visitor, page, lines);
  await page.screenshot({ path: `${dir}/widget-${name}-talk.png` });
  await visitor.context.setOffline(true);
  visitor.server.messageFaults = [400];
  await write(page, '+7 912 345-67-89');
  await page.getByText(/No connection|Нет связи/).waitFor();
  await page.getByTestId('sb-input').fill('x '.repeat(1950) + '\nline');
  await page.screenshot({ path: `${dir}/widget-${name}-trouble.png` });
  await visitor.context.setOffline(false);
  await page.getByText(/Not sent|Не отправлено/).waitFor();
  await page.screenshot({ path: `${dir}/widget-${name}-failed.png` });
  await visitor.leave();
  await browser.close();
});
