// The built widget in Chromium against the fake server: what a visitor sees when the network does its worst.
import axe from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { builtWidget, launch, shown, Visitor, write } from './page';

let browser: Browser;
let widget: string;
let visitor: Visitor;

beforeAll(async () => {
  widget = await builtWidget();
  browser = await launch();
});
afterAll(() => browser.close());
afterEach(() => visitor.leave());

async function come(options?: BrowserContextOptions): Promise<Visitor> {
  return (visitor = await Visitor.come(browser, widget, options));
}

const texts = () => visitor.server.ledger.map((line) => line.text);
const screen = (page: Page) => expect.poll(() => shown(page), { timeout: 15_000 });

test('a message goes out, an answer comes in', async () => {
  await come();
  const page = await visitor.tab();
  await write(page, 'Is the blue one in stock?');
  await screen(page).toEqual(['in sent Is the blue one in stock?']);
  visitor.server.reply({ text: 'It is.' });
  await screen(page).toEqual(['in sent Is the blue one in stock?', 'out received It is.']);
  expect(visitor.complaints).toEqual([]);
});

test('no request is made before the first message', async () => {
  await come();
  const page = await visitor.tab();
  await page.getByTestId('sb-input').fill('Hel');
  expect(visitor.server.requests).toEqual([]);
});

test('messages typed offline wait, and go in order when the network is back', async () => {
  await come();
  const page = await visitor.tab();
  await visitor.context.setOffline(true);
  for (const text of ['one', 'two', 'three']) await write(page, text);
  await screen(page).toEqual(['in pending one', 'in pending two', 'in pending three']);
  await page.getByText('No connection. Waiting to be sent: 3').waitFor();
  await visitor.context.setOffline(false);
  await screen(page).toEqual(['in sent one', 'in sent two', 'in sent three']);
  expect(texts()).toEqual(['one', 'two', 'three']);
});

test('an unsent message survives a reload', async () => {
  await come();
  visitor.server.sessionFaults = Array(50).fill('drop');
  const first = await visitor.tab();
  await write(first, 'before the reload');
  await screen(first).toEqual(['in pending before the reload']);
  await first.reload();
  visitor.server.sessionFaults = [];
  await first.getByTestId('sb-launcher').click();
  await screen(first).toEqual(['in sent before the reload']);
  expect(texts()).toEqual(['before the reload']);
});

test('lost answers, cuts and errors never double, lose or reorder', async () => {
  await come();
  visitor.server.messageFaults = ['lost', 'lost', 'drop', 500, 'lost', 503, 'slow', 429, 'lost', 'portal', 'lost'];
  visitor.server.sessionFaults = ['lost', 500];
  const page = await visitor.tab();
  const all = Array.from({ length: 8 }, (_, at) => `message ${at}`);
  for (const text of all) await write(page, text);
  await expect.poll(() => shown(page), { timeout: 60_000 }).toEqual(all.map((text) => `in sent ${text}`));
  expect(texts()).toEqual(all);
  expect(visitor.server.fired).toBeGreaterThan(8);
}, 90_000);

test('a double Enter and a double click send once', async () => {
  await come();
  visitor.server.messageFaults = ['slow'];
  const page = await visitor.tab();
  await page.getByTestId('sb-input').fill('once');
  await Promise.all([
    page.keyboard.press('Enter'),
    page.keyboard.press('Enter'),
    page.getByTestId('sb-send').dblclick({ force: true }),
  ]);
  await screen(page).toEqual(['in sent once']);
  expect(texts()).toEqual(['once']);
});

test('Shift+Enter breaks the line', async () => {
  await come();
  const page = await visitor.tab();
  await page.getByTestId('sb-input').fill('a');
  await page.getByTestId('sb-input').press('Shift+Enter');
  await page.keyboard.type('b');
  await page.keyboard.press('Enter');
  await expect.poll(texts).toEqual(['a\nb']);
});

test('edits and deletions change their message; unknown kinds are ignored', async () => {
  await come();
  const page = await visitor.tab();
  await write(page, 'hello');
  await screen(page).toEqual(['in sent hello']);
  const first = visitor.server.reply({ text: 'a tpyo' });
  const second = visitor.server.reply({ text: 'a secret' });
  visitor.server.reply({ kind: 'reaction', text: 'heart' });
  visitor.server.reply({ kind: 'edit', target: first.id, text: 'a typo' });
  visitor.server.reply({ kind: 'delete', target: second.id });
  const want = ['in sent hello', 'out received a typo', 'out received Message deleted'];
  await screen(page).toEqual(want);
  await page.reload();
  await page.getByTestId('sb-launcher').click();
  await screen(page).toEqual(want);
});

test('two tabs show the same, whichever is used', async () => {
  await come();
  const one = await visitor.tab();
  await write(one, 'from one');
  await screen(one).toEqual(['in sent from one']);
  const two = await visitor.tab();
  await screen(two).toEqual(['in sent from one']);
  await write(two, 'from two');
  visitor.server.reply({ text: 'to both' });
  await write(one, 'one again');
  const want = ['in sent from one', 'in sent from two', 'in sent one again', 'out received to both'];
  for (const page of [one, two])
    await expect.poll(async () => (await shown(page)).sort(), { timeout: 15_000 }).toEqual(want);
  expect(visitor.server.sessions.size).toBe(1);
  expect(texts()).toEqual(['from one', 'from two', 'one again']);
  expect(await shown(one)).toEqual(await shown(two));
});

test('the tab that leads is closed, the other goes on', async () => {
  await come();
  const one = await visitor.tab();
  const two = await visitor.tab();
  await write(two, 'hello');
  await screen(one).toEqual(['in sent hello']);
  await two.close();
  visitor.server.reply({ text: 'still there?' });
  await screen(one).toEqual(['in sent hello', 'out received still there?']);
});

test('two first messages from two tabs make one session', async () => {
  await come();
  visitor.server.sessionFaults = ['slow', 'slow'];
  const one = await visitor.tab();
  const two = await visitor.tab();
  await Promise.all([write(one, 'a'), write(two, 'b')]);
  await expect.poll(() => texts().sort(), { timeout: 15_000 }).toEqual(['a', 'b']);
  expect(visitor.server.sessions.size).toBe(1);
  expect(new Set(visitor.server.ledger.map((line) => line.session)).size).toBe(1);
});

test('a refused token makes a new session and the message goes there', async () => {
  await come();
  const page = await visitor.tab();
  await write(page, 'first');
  await screen(page).toEqual(['in sent first']);
  visitor.server.forgetSessions();
  await write(page, 'second');
  await screen(page).toEqual(['in sent first', 'in sent second']);
  expect(texts()).toEqual(['first', 'second']);
});

test('a refused message says why and goes out on Retry', async () => {
  await come();
  visitor.server.messageFaults = [400];
  const page = await visitor.tab();
  await write(page, 'odd');
  await write(page, 'even');
  await screen(page).toEqual(['in sent even', 'in failed odd']);
  await page.getByText('Not sent: the server did not accept it').waitFor();
  await page.getByRole('button', { name: 'Retry' }).click();
  await screen(page).toEqual(['in sent even', 'in sent odd']);
  expect(texts()).toEqual(['even', 'odd']);
});

test('an unread answer is counted on the launcher and opening clears it', async () => {
  await come();
  const page = await visitor.tab();
  await write(page, 'hello');
  await screen(page).toEqual(['in sent hello']);
  await page.keyboard.press('Escape');
  visitor.server.reply({ text: 'hi' });
  await page.getByRole('button', { name: 'Open chat, new messages: 1' }).click();
  await page.getByTestId('sb-launcher').click();
  await page.getByRole('button', { name: 'Open chat', exact: true }).waitFor();
  await page.reload();
  await page.getByRole('button', { name: 'Open chat', exact: true }).waitFor();
});

test.each([403, 404] as const)('hides itself when the server answers %d', async (status) => {
  await come();
  visitor.server.sessionFaults = [status];
  const page = await visitor.tab();
  await write(page, 'anybody?');
  await page.getByTestId('sb-launcher').waitFor({ state: 'hidden' });
  expect(visitor.complaints.join('\n')).toContain('[Switchboard chat] hidden');
});

test('a name and a phone are sent with the session; identify() too', async () => {
  await come();
  const page = await visitor.tab();
  await page.evaluate(() => window.SwitchboardChat?.identify({ email: 'olga@example.com' }));
  await page.getByRole('button', { name: 'Leave your phone' }).click();
  await page.getByLabel('Name').fill('Olga');
  await page.getByLabel('Phone').fill('+7 912 345-67-89');
  await page.getByRole('button', { name: 'Save' }).click();
  await write(page, 'call me');
  await screen(page).toEqual(['in sent call me']);
  const [session] = visitor.server.sessions.values();
  expect(session?.identity).toEqual({ name: 'Olga', phone: '+7 912 345-67-89', email: 'olga@example.com' });
});

test('refused details are asked for again, and skipping them sends the message', async () => {
  await come();
  visitor.server.sessionFaults = [400];
  visitor.server.tagAttributes = 'data-phone="12"';
  const page = await visitor.tab();
  await write(page, 'hello');
  await page.getByText('These details were not accepted').waitFor();
  await page.getByRole('button', { name: 'Skip' }).click();
  await screen(page).toEqual(['in sent hello']);
  expect([...visitor.server.sessions.values()][0]?.identity).toEqual({});
});

test('works under a strict CSP with Trusted Types, and markup stays text', async () => {
  await come();
  visitor.server.pageCSP =
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:; style-src 'nonce-page'; require-trusted-types-for 'script'";
  const page = await visitor.tab();
  const nasty = '<img src=x onerror=alert(1)> javascript:alert(1) https://example.com/a?b=1.';
  await write(page, nasty);
  await screen(page).toEqual([`in sent ${nasty}`]);
  const link = page.getByTestId('sb-message').getByRole('link');
  expect(await link.getAttribute('href')).toBe('https://example.com/a?b=1');
  expect(await link.getAttribute('rel')).toContain('noopener');
  expect(await page.locator('switchboard-chat [style]').count()).toBe(0);
  expect(visitor.complaints).toEqual([]);
});

test("the page's styles do not reach the widget, nor its styles the page", async () => {
  await come({ reducedMotion: 'reduce' });
  const page = await visitor.tab();
  const look = () =>
    page.evaluate(() => {
      const root = document.querySelector('switchboard-chat')?.shadowRoot;
      const style = (element: Element | null | undefined) => (element ? { ...getComputedStyle(element) } : {});
      return [style(root?.querySelector('.panel')), style(root?.querySelector('textarea'))];
    });
  await page.getByTestId('sb-input').blur();
  const plain = await look();
  const own = await page.locator('#own').evaluate((button) => getComputedStyle(button).cssText);
  visitor.server.pageStyles =
    '*{font-size:40px!important;letter-spacing:5px;direction:rtl;text-transform:uppercase} div,switchboard-chat{display:none!important;opacity:.1!important}';
  await page.goto(visitor.url);
  await page.getByTestId('sb-launcher').click();
  await page.getByTestId('sb-input').blur();
  expect(await look()).toEqual(plain);
  expect(own).not.toContain('--accent');
});

test('speaks Russian by data-lang and by the browser', async () => {
  await come({ locale: 'ru-RU' });
  const page = await visitor.tab();
  await page.getByRole('dialog', { name: 'Напишите нам' }).waitFor();
  await page.keyboard.press('Escape');
  visitor.server.tagAttributes = 'data-lang="en"';
  await page.reload();
  await page.getByRole('button', { name: 'Open chat' }).waitFor();
});

test('focus goes in, stays in on a phone, and comes back', async () => {
  await come({ viewport: { width: 390, height: 780 } });
  const page = await visitor.tab();
  const focused = () =>
    page.evaluate(() => document.querySelector('switchboard-chat')?.shadowRoot?.activeElement?.className);
  await expect.poll(() => page.getByTestId('sb-input').evaluate((field) => field.matches(':focus'))).toBe(true);
  for (let press = 0; press < 8; press++) {
    await page.keyboard.press('Tab');
    expect(await focused()).toBeDefined();
  }
  await page.keyboard.press('Escape');
  expect(await focused()).toBe('launcher');
});

test.each(['light', 'dark'] as const)('axe finds nothing in the %s window', async (colorScheme) => {
  await come({ colorScheme, reducedMotion: 'reduce' });
  visitor.server.messageFaults = ['slow', 400];
  const page = await visitor.tab();
  const check = async () => {
    const found = await page.evaluate(async (source) => {
      (0, eval)(source);
      const judge = (window as unknown as { axe: typeof axe }).axe;
      return (await judge.run('switchboard-chat')).violations.map((one) => `${one.id}: ${one.nodes[0]?.html}`);
    }, axe.source);
    expect(found).toEqual([]);
  };
  await page.locator('.offer').click();
  await check();
  await page.getByRole('button', { name: 'Skip' }).click();
  await write(page, 'see https://example.com');
  await write(page, 'odd');
  await page.getByText('Not sent').waitFor();
  visitor.server.reply({ text: 'see https://example.org' });
  visitor.server.reply({ kind: 'file', text: 'price' });
  await screen(page).toHaveLength(4);
  await check();
});

test('the newest message stays in view when the log gets less room', async () => {
  await come();
  const page = await visitor.tab();
  for (let at = 0; at < 12; at++) await write(page, `line ${at}`);
  await page.getByTestId('sb-input').fill('a\nb\nc\nd\ne\nf');
  const log = page.getByRole('log');
  await expect.poll(() => log.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight)).toBeLessThan(2);
  await log.evaluate((e) => e.scrollTo(0, 0));
  await expect.poll(() => visitor.server.ledger.length).toBe(12);
  visitor.server.reply({ text: 'down here' });
  await page.getByRole('button', { name: 'New messages: 1' }).click();
  await page.getByText('down here').waitFor();
  await expect.poll(() => log.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight)).toBeLessThan(2);
});
