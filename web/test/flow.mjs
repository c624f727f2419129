// Drives the interface in Chromium against the trial server: sends, loses, goes offline, shares tabs, checks axe.
// Usage: node test/flow.mjs
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { start } from './server.mjs';

const port = 8792;
const base = `http://127.0.0.1:${port}`;
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const server = await start(port);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
const troubles = [];

async function enter(who, options = {}) {
  const context = await browser.newContext({ locale: 'ru-RU', viewport: { width: 1400, height: 860 }, ...options });
  if (who) await context.addCookies([{ name: 'switchboard_session', value: `e-${who}`, url: base }]);
  const page = await context.newPage();
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('console', (line) => /Content Security Policy/.test(line.text()) && troubles.push(line.text()));
  page.setDefaultTimeout(8000);
  return page;
}

const play = (event) =>
  fetch(`${base}/trial/event`, {
    method: 'POST',
    body: JSON.stringify(event),
    headers: { 'Content-Type': 'application/json' },
  });

async function accessible(page, label) {
  // The policy forbids evaluated scripts in the page, not in the driver's own world.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }),
  );
  for (const one of violations)
    troubles.push(
      `axe ${label}: ${one.id} ${one.nodes
        .slice(0, 3)
        .map((node) => `${node.target} ${node.any[0]?.message ?? ''}`)
        .join(' | ')}`,
    );
}

const flows = {
  async 'signs in with words for a wrong password'() {
    const page = await enter();
    await page.goto(base);
    await page.getByTestId('sign-in-email').fill('anna@demo.example');
    await page.getByTestId('sign-in-password').fill('wrong');
    await page.getByTestId('sign-in-submit').click();
    await page.getByTestId('sign-in-error').waitFor();
    await accessible(page, 'sign-in');
    await page.getByTestId('sign-in-password').fill('password');
    await page.getByTestId('sign-in-submit').click();
    await page.getByTestId('chat-row').first().waitFor();
    await page.getByTestId('me').click();
    await page.getByTestId('sign-out').click();
    await page.getByTestId('sign-in-email').waitFor();
    const kept = await page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes('e-anna')));
    assert.deepEqual(kept, []);
  },

  async 'shows an own message at once, and once'() {
    const page = await enter('anna');
    await page.goto(`${base}/chats/2`);
    const composer = page.getByTestId('composer');
    await composer.fill('Да, доставляем!');
    await composer.press('Enter');
    await composer.press('Enter');
    const sent = page.locator('[data-testid=message]', { hasText: 'Да, доставляем!' });
    await sent.first().waitFor();
    await page.locator('[data-testid=message][data-status=read]', { hasText: 'Да, доставляем!' }).waitFor();
    assert.equal(await sent.count(), 1);
    assert.equal(await composer.inputValue(), '');
  },

  async 'keeps what is written offline and sends it when the line is back'() {
    const page = await enter('anna');
    await page.goto(`${base}/chats/1`);
    await page.getByTestId('message').first().waitFor();
    await page.context().setOffline(true);
    server.closeAllConnections();
    await page.getByTestId('composer').fill('Без связи');
    await page.getByTestId('composer').press('Enter');
    await page.locator('[data-testid=message][data-status=queued]', { hasText: 'Без связи' }).waitFor();
    await page.getByTestId('connection-note').waitFor();
    await page.context().setOffline(false);
    await page.locator('[data-testid=message][data-status=read]', { hasText: 'Без связи' }).waitFor();
    assert.equal(await page.locator('[data-testid=message]', { hasText: 'Без связи' }).count(), 1);
    await page.getByTestId('connection-note').waitFor({ state: 'detached' });
  },

  async 'moves a chat to the new responsible and off the old one’s screen'() {
    const anna = await enter('anna');
    const boris = await enter('boris');
    await anna.goto(`${base}/chats/4`);
    await boris.goto(base);
    await anna.getByTestId('thread').waitFor();
    await boris.getByTestId('chat-row').first().waitFor();
    await play({ kind: 'owner', chatId: '4', to: 'boris' });
    await boris.locator('[data-chat-id="4"]').first().waitFor();
    await anna.getByTestId('thread').waitFor({ state: 'detached' });
    assert.equal(await anna.locator('[data-testid=chat-row][data-chat-id="4"]').count(), 0);
    await boris.mouse.move(800, 400);
    await boris.locator('[data-testid=chat-row][data-chat-id="4"]').click();
    await boris.getByTestId('message').first().waitFor();
    await play({ kind: 'owner', chatId: '4', to: 'anna' });
  },

  async 'shares one stream between two tabs'() {
    const first = await enter('anna');
    await first.goto(`${base}/chats/1`);
    await first.getByTestId('message').first().waitFor();
    const second = await first.context().newPage();
    await second.goto(`${base}/chats/1`);
    await second.getByTestId('message').first().waitFor();
    await play({ kind: 'message', chatId: '1', text: 'Вам двоим' });
    await first.getByText('Вам двоим').first().waitFor();
    await second.getByTestId('message').filter({ hasText: 'Вам двоим' }).waitFor();
    await first.close();
    await second.waitForTimeout(300);
    await play({ kind: 'message', chatId: '1', text: 'Тебе одной' });
    await second.getByTestId('message').filter({ hasText: 'Тебе одной' }).waitFor();
  },

  async 'keeps a draft per chat'() {
    const page = await enter('anna');
    await page.goto(`${base}/chats/1`);
    await page.getByTestId('composer').fill('Недописанное');
    await page.locator('[data-testid=chat-row][data-chat-id="2"]').click();
    await page.getByText('Недописанное').waitFor();
    await page.reload();
    await page.locator('[data-testid=chat-row][data-chat-id="1"]').click();
    await page.waitForFunction(() => document.querySelector('[data-testid=composer]')?.value === 'Недописанное');
  },

  async 'holds the words still while older pages come'() {
    const page = await enter('maria');
    await page.goto(`${base}/chats/7`);
    await page.locator('[data-seq="140"]').waitFor();
    const scroller = page.locator('.scroller');
    await scroller.evaluate((one) => (one.scrollTop = -1600));
    await page.locator('[data-seq="60"]').waitFor({ state: 'attached' });
    await page.waitForTimeout(200);
    const at = () => page.evaluate(() => document.querySelector('[data-seq="106"]').getBoundingClientRect().top);
    const before = await at();
    await play({ kind: 'message', chatId: '7', text: 'Ещё одно' });
    await page.getByTestId('to-bottom').filter({ hasText: '1' }).waitFor();
    assert.ok(Math.abs((await at()) - before) < 2, `moved by ${(await at()) - before}`);
    await page.getByTestId('to-bottom').click();
    await page.getByTestId('to-bottom').waitFor({ state: 'detached' });
  },

  async 'never moves a row under the mouse'() {
    const page = await enter('maria');
    await page.goto(base);
    await page.getByTestId('chat-row').nth(7).waitFor();
    await page.getByTestId('chat-row').nth(5).hover();
    const first = await page.getByTestId('chat-row').first().getAttribute('data-chat-id');
    await play({ kind: 'message', chatId: 'x5', text: 'Снова я' });
    await page.waitForTimeout(300);
    assert.equal(await page.getByTestId('chat-row').first().getAttribute('data-chat-id'), first);
    await page.mouse.move(900, 400);
    await page.waitForFunction(() => document.querySelector('[data-testid=chat-row]').dataset.chatId === 'x5');
  },

  async 'works by keyboard'() {
    const page = await enter('anna');
    await page.goto(base);
    await page.getByTestId('chat-row').first().waitFor();
    await page.getByTestId('chat-list').focus();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.getByTestId('thread').waitFor();
    await page.keyboard.press('r');
    assert.equal(await page.evaluate(() => document.activeElement?.dataset.testid), 'composer');
    await page.keyboard.press('Escape');
  },

  async 'goes back on a phone'() {
    const page = await enter('anna', {
      viewport: { width: 390, height: 844 },
      hasTouch: true,
      isMobile: true,
      colorScheme: 'dark',
    });
    await page.goto(base);
    await page.getByTestId('chat-row').first().tap();
    await page.getByTestId('message').first().waitFor();
    await accessible(page, 'thread on a phone');
    await page.getByTestId('back').tap();
    await page.getByTestId('chat-row').first().waitFor();
    await page.getByTestId('chat-row').nth(1).tap();
    await page.getByTestId('thread').waitFor();
    await page.goBack();
    await page.getByTestId('chat-row').first().waitFor();
  },

  async 'takes back "no reply needed"'() {
    const page = await enter('anna');
    await page.goto(`${base}/chats/1`);
    await page.getByTestId('no-reply-needed').click();
    await page.getByTestId('no-reply-needed').waitFor({ state: 'detached' });
    await page.getByTestId('toast').getByRole('button').first().click();
    await page.getByTestId('no-reply-needed').waitFor();
  },

  async 'asks before it sends a maybe sent message again'() {
    const page = await enter('anna');
    await page.goto(`${base}/chats/5`);
    await page.getByTestId('message-retry').click();
    await page.getByTestId('send-again').click();
    await page.locator('[data-testid=message][data-direction=out][data-status=sent]').waitFor();
  },

  async 'saves roles and shows the effect'() {
    const page = await enter('maria');
    await page.goto(`${base}/integration`);
    await page.getByTestId('choose-roles').first().click();
    const row = page.locator('[data-testid=role-row][data-employee-id=e-vera]');
    assert.equal(await row.getByTestId('receives').isDisabled(), true);
    await row.locator('[data-value=manager]').click();
    await row.getByTestId('receives').click();
    await accessible(page, 'roles');
    await page.getByTestId('roles-save').click();
    await page.getByTestId('roles-window').waitFor({ state: 'detached' });
    await page.getByTestId('receiving').first().getByText('Вера').waitFor();
    await page.getByTestId('crm-refresh').click();
    await page.getByTestId('crm-difference').waitFor();
    await page.getByTestId('pipeline').nth(1).selectOption('p-sales');
    await page.waitForFunction(() => document.querySelectorAll('[data-testid=stage]')[1].value === 's-new');
    await page.getByTestId('setting-timeline').click();
    await accessible(page, 'integration');
  },

  async 'connects a CRM first'() {
    await play({ kind: 'disconnect' });
    const page = await enter('maria');
    await page.goto(`${base}/integration`);
    await page.getByTestId('crm-token').fill('short');
    await page.getByTestId('connect-submit').click();
    await page.getByTestId('connect-error').waitFor();
    await accessible(page, 'connect');
    await page.getByTestId('crm-token').fill('pat-eu1-long-enough');
    await page.getByTestId('connect-submit').click();
    await page.getByTestId('channel-block').first().waitFor();
  },

  async 'connects a channel'() {
    const page = await enter('maria');
    await page.goto(`${base}/channels`);
    await page.getByTestId('add-telegram_bot').click();
    await page.getByTestId('channel-token').fill('nonsense');
    await page.getByTestId('channel-save').click();
    await page.getByTestId('channel-error').waitFor();
    await accessible(page, 'channel form');
    await page.getByTestId('channel-token').fill('123:AA');
    await page.getByTestId('channel-save').click();
    await page.getByTestId('channel-form').waitFor({ state: 'detached' });
    await accessible(page, 'channels');
  },

  async 'invites an employee'() {
    const page = await enter('maria');
    await page.goto(`${base}/employees`);
    await page.getByTestId('invite').nth(2).click();
    assert.match(await page.getByTestId('invitation-url').inputValue(), /^https:/);
    await accessible(page, 'invitation');
    await page.keyboard.press('Escape');
    await accessible(page, 'employees');
  },

  async 'speaks both languages'() {
    const page = await enter('maria');
    await page.goto(base);
    await page.getByTestId('me').click();
    await page.getByTestId('language').locator('[data-value=en]').click();
    await page.getByRole('heading', { name: 'Chats' }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
    await page.getByTestId('theme').locator('[data-value=dark]').click();
    await page.keyboard.press('Escape');
    await page.locator('[data-testid=chat-row][data-chat-id="1"]').click();
    await page.getByTestId('why').first().click();
    await page.getByTestId('why-sentence').waitFor();
    await accessible(page, 'chats, dark');
  },

  async 'opens a frame once, and asks the card again'() {
    const page = await enter(undefined, { viewport: { width: 400, height: 640 } });
    await page.route('**/card', (route) =>
      route.fulfill({
        contentType: 'text/html',
        body: `<iframe src="/embed#good-101" width="400" height="600"></iframe><script>addEventListener("message", (e) => (document.title = e.data.type))</script>`,
      }),
    );
    await page.goto(`${base}/card`);
    const frame = page.frameLocator('iframe');
    await frame.getByTestId('message').first().waitFor();
    await frame.getByTestId('composer').fill('Из карточки');
    await frame.getByTestId('composer').press('Enter');
    await frame.locator('[data-testid=message][data-status=read]', { hasText: 'Из карточки' }).waitFor();
    await page.frames()[1].evaluate(() => location.replace('/embed#used'));
    await page.waitForTimeout(100);
    await page.frames()[1].evaluate(() => location.reload());
    await frame.getByTestId('frame-closed').waitFor();
    await page.waitForFunction(() => document.title === 'switchboard.reopen');
  },

  async 'sets up a new server'() {
    await play({ kind: 'unclaim' });
    const page = await enter();
    await page.goto(base);
    await page.getByText('Сервер ещё не настроен').waitFor();
    await page.goto(`${base}/setup#token`);
    await page.getByTestId('setup-company').fill('Демо');
    await page.getByTestId('setup-name').fill('Мария');
    await page.getByTestId('setup-email').fill('maria@demo.example');
    await page.getByTestId('setup-password').fill('длинный пароль');
    await accessible(page, 'set-up');
    await page.getByTestId('setup-submit').click();
    await page.waitForURL(`${base}/integration`);
  },
};

let failed = 0;
for (const [name, flow] of Object.entries(flows)) {
  if (process.argv[2] && !name.includes(process.argv[2])) continue;
  const before = troubles.length;
  const error = await flow().catch((failure) => failure);
  const isGood = !error && troubles.length === before;
  failed += isGood ? 0 : 1;
  console.log(`${isGood ? 'ok  ' : 'FAIL'} ${name}`);
  if (error) console.log(`     ${String(error.message).split('\n').slice(0, 3).join('\n     ')}`);
  troubles.slice(before).forEach((line) => console.log(`     ${line}`));
  await Promise.all(browser.contexts().map((context) => context.close()));
}
await browser.close();
server.close();
server.closeAllConnections();
process.exitCode = failed > 0 ? 1 : 0;
