// The main job through a Telegram bot, set up by hand from an empty server (issue 2, "Done when", second line).
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { one } from './run/demo.ts';
import { stripes, voice } from './run/files.ts';
import { Server, Standins, type TelegramUser } from './run/stand.ts';
import { gone, seen } from './run/within.ts';
import { Desk, launch } from './screen/browser.ts';
import { CrmScreen, type RecordPage } from './screen/crm.ts';
import { EmployeeScreen } from './screen/employee.ts';

const toScreens = 3;
const password = 'correct horse battery';
const token = '7000000001:AAE2eTestTokenOfTheStandInBot0000000';
const admin = { name: 'Vera Smirnova', email: 'vera@example.com' }; // an owner in the CRM, matched by e-mail
const hello = 'Hello! Can you deliver to Kazan tomorrow?';

const stands = [
  { engine: 'SQLite', way: 'long poll', mode: 'poll' },
  { engine: 'PostgreSQL', way: 'webhook', mode: 'webhook' },
] as const;

const hasPostgres = Boolean(process.env.SWITCHBOARD_TEST_POSTGRES);

for (const { engine, way, mode } of stands) {
  describe.skipIf(engine === 'PostgreSQL' && !hasPostgres)(`Telegram by ${way} on ${engine}`, () => {
    let browser: Browser;
    let standins: Standins;
    let server: Server;
    let user: TelegramUser;
    let crm: CrmScreen;
    let contact: RecordPage;
    let chief: EmployeeScreen;
    let anna: EmployeeScreen;
    let firstMessage = 0;
    const desks: Desk[] = [];

    beforeAll(async () => {
      [browser, standins] = await Promise.all([launch(), Standins.start()]);
      const database = engine === 'PostgreSQL' ? await standins.database() : undefined;
      await standins.addBot(token, 'shop_e2e_bot');
      user = standins.user(token, 5001, 'Irina');
      server = await Server.start(standins, database);
      crm = await CrmScreen.open(browser, standins.addresses.crmURL);
      desks.push(crm.desk);
    });

    afterAll(async () => {
      await browser?.close();
      await server?.stop();
      await standins?.stop();
    });

    test('SET-0: the one-time link claims the server, once', async () => {
      const desk = await Desk.open(browser);
      desks.push(desk);
      const page = await desk.page(server.setUpURL);
      await page.getByTestId('setup-company').fill('Lamp shop');
      await page.getByTestId('setup-name').fill(admin.name);
      await page.getByTestId('setup-email').fill(admin.email);
      await page.getByTestId('setup-password').fill(password);
      await page.getByTestId('setup-submit').click();
      await seen(page.getByTestId('connect-crm'), 'the offer to connect a CRM', 10);
      expect(page.url()).not.toContain(server.setUpURL);
      chief = new EmployeeScreen(desk, page);
      const stranger = await Desk.open(browser);
      const second = await stranger.page(server.setUpURL);
      await gone(second.getByTestId('setup-submit'), 'the form for somebody who comes later', 5);
      await stranger.close();
    });

    test('SET-1: a token connects HubSpot; a wrong one is refused with words', async () => {
      const { page } = chief;
      await page.getByTestId('crm-token').fill('pat-wrong');
      await page.getByTestId('connect-submit').click();
      await seen(page.getByTestId('connect-error'), 'why the token is refused', 10);
      await page.getByTestId('crm-token').fill(standins.addresses.crmToken);
      await page.getByTestId('connect-submit').click();
      await seen(page.locator('[data-testid=crm][data-state=active]'), 'the connected CRM', 20);
    });

    test('the bot becomes a channel by its token; a wrong one is refused with words', async () => {
      const { page } = chief;
      await chief.go('channels');
      await page.getByTestId('add-telegram_bot').click();
      await page.getByTestId('channel-token').fill('7000000009:AAThisBotDoesNotExist00000000000000');
      await page.getByTestId('channel-save').click();
      await seen(page.getByTestId('channel-error'), 'why the token is refused', 10);
      await page.getByTestId('channel-token').fill(token);
      await page.getByTestId('channel-mode').locator(`[data-value=${mode}]`).click();
      await page.getByTestId('channel-save').click();
      await seen(
        page.locator('[data-testid=channel][data-state=active]').getByText('@shop_e2e_bot'),
        'the channel',
        10,
      );
      expect(await page.getByTestId('channel').count()).toBe(1);
    });

    test('SET-5: pipeline and stage are chosen; the sentence says what is missing', async () => {
      const { page } = chief;
      await chief.go('integration');
      await page.getByTestId('pipeline').selectOption({ label: 'Repeat sales' });
      await seen(page.locator('select[data-testid=stage]:enabled'), 'the stages', 5);
      await page.getByTestId('stage').selectOption({ label: 'Agreed' });
      await expect.poll(() => page.getByTestId('effect').innerText()).toMatch(/nobody receives new clients/);
      const offered = await page.getByTestId('stage').locator('option').allInnerTexts();
      expect(offered).not.toContain('Won'); // DEAL-4: closed stages are not offered
    });

    test('ROLE-3: roles are chosen in the window with search, role and switch', async () => {
      const { page } = chief;
      await page.getByTestId('choose-roles').click();
      const rows = page.getByTestId('role-row');
      await seen(rows, 'the employees of the CRM', 5);
      await choose(page, 'Anna', 'manager', true);
      await choose(page, 'Boris', 'quality_control', false);
      await choose(page, admin.name, 'supervisor', false);
      await page.getByTestId('roles-search').fill('');
      await page.getByTestId('roles-save').click();
      await gone(page.getByTestId('roles-window'), 'the window', 5);
      await expect
        .poll(() => page.getByTestId('effect').innerText())
        .toMatch(/becomes a deal in Repeat sales \/ Agreed; responsible: Anna Ivanova/);
      expect(await page.getByTestId('next-in-turn').innerText()).toBe('Anna Ivanova');
    });

    test('SET-0: an imported employee comes by her invitation’s link', async () => {
      const { page } = chief;
      await chief.go('employees');
      await page.getByTestId('employee').filter({ hasText: 'Anna Ivanova' }).getByTestId('invite').click();
      const link = await (await seen(page.getByTestId('invitation-url'), 'the link', 5)).inputValue();
      await page.keyboard.press('Escape');
      const desk = await Desk.open(browser);
      desks.push(desk);
      const hers = await desk.page(link);
      await hers.getByTestId('invitation-password').fill(password);
      await hers.getByTestId('invitation-submit').click();
      await seen(hers.getByTestId('nav-chats'), 'Anna is in', 10);
      expect(await hers.getByTestId('nav-integration').count()).toBe(0);
      anna = new EmployeeScreen(desk, hers);
    });

    test('CHAT-8: a bare /start opens the chat and creates nobody in the CRM', async () => {
      await chief.go('chats');
      await user.does('start');
      await seen(chief.chats.row('The client opened the chat'), 'the chat', toScreens);
      expect(await chief.chats.row('Irina').getAttribute('data-unanswered')).toBe('0');
      expect(await crm.contactRows.count()).toBe(0);
      expect(await anna.page.getByTestId('chat-row').count()).toBe(0);
    });

    test('a message becomes contact, deal, responsible, chat and timeline entry', async () => {
      firstMessage = await user.writes(hello);
      await Promise.all([
        seen(crm.contact('Irina'), 'the contact', toScreens),
        seen(crm.dealRows, 'the deal', toScreens),
        seen(anna.chats.row(hello), 'the chat on Anna’s screen', toScreens),
      ]);
      expect(await crm.contact('Irina').getByTestId('row-owner').innerText()).toContain('Anna Ivanova');
      const deal = crm.dealRows.first();
      expect(await deal.getByTestId('row-owner').innerText()).toContain('Anna Ivanova');
      expect(await deal.getByTestId('row-pipeline').innerText()).toContain('Repeat sales');
      expect(await deal.getByTestId('row-stage').innerText()).toContain('Agreed');
      contact = await crm.record(crm.contact('Irina'));
      await seen(contact.entry(hello), 'the timeline entry', 10);
      await contact.expanded(hello);
      expect(await contact.entry(hello).count()).toBe(1);
    });

    test('the answer reaches the user once, and the thread says that it is sent', async () => {
      await anna.chats.open(hello);
      await anna.chats.answer('Yes, tomorrow before noon.');
      const sent = await user.received(1);
      expect(sent.map((message) => message.text)).toEqual(['Yes, tomorrow before noon.']);
      const own = anna.page.locator('[data-testid=message][data-direction=out]');
      await seen(own.and(anna.page.locator('[data-status=sent]')), 'the tick', 5);
      await seen(contact.entry('Yes, tomorrow before noon.'), 'the answer in the timeline', 10);
    });

    test('photo, voice and file are fetched and shown, and stand in the timeline as links', async () => {
      await user.does('photo', { data: stripes(), text: 'This one' });
      await user.does('voice', { data: voice(), seconds: 4 });
      await user.does('document', { text: 'order 114.pdf', mime: 'application/pdf', data: btoa('%PDF-1.4 order') });
      const picture = anna.page.getByTestId('media-image').locator('img');
      await seen(picture, 'the picture', 10);
      await expect
        .poll(() => picture.evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth), {
          timeout: 5000,
        })
        .toBe(640);
      await seen(anna.page.getByTestId('media-voice'), 'the voice message', 10);
      await seen(anna.page.getByTestId('media-file').getByText('order 114.pdf'), 'the file', 10);
      await seen(contact.entry('This one'), 'the picture’s entry', 10);
      expect(await contact.entry('This one').locator('a[href^="http"]').count()).toBeGreaterThan(0);
    });

    test('a reply shows what it answers, an edit changes the message in place', async () => {
      await user.does('reply', { to: firstMessage, text: 'I mean by courier' });
      const reply = await seen(anna.chats.message('I mean by courier'), 'the reply', toScreens);
      await seen(reply.locator('.quote').getByText(hello), 'the quoted message', 2);
      const before = await anna.page.getByTestId('message').count();
      await user.does('edit', { to: firstMessage, text: 'Hello! Can you deliver to Ufa tomorrow?' });
      const edited = await seen(anna.chats.message('deliver to Ufa').first(), 'the new words', toScreens);
      await seen(edited.getByText('edited'), 'the mark', 2);
      expect(await anna.page.getByTestId('message').count()).toBe(before);
    });

    test('the manager replies with a quote', async () => {
      const message = anna.chats.message('I mean by courier').first();
      await message.hover();
      await message.getByRole('button', { name: 'Reply' }).click();
      await seen(anna.page.getByTestId('composer-quote'), 'the quote above the field', 2);
      await anna.chats.answer('By courier, of course.');
      const sent = await user.received(2);
      const last = one(sent.at(-1));
      expect(last.text).toBe('By courier, of course.');
      expect(last.replyTo).toBeGreaterThan(firstMessage);
    });

    test('the manager sends a picture', async () => {
      const file = { name: 'lamp.png', mimeType: 'image/png', buffer: Buffer.from(stripes(320, 200), 'base64') };
      await anna.page.getByTestId('composer-attach').setInputFiles(file);
      await seen(anna.page.getByTestId('composer-file').getByText('ready', { exact: false }), 'the upload', 10);
      await anna.chats.answer('The blue one');
      const sent = one((await user.received(3)).at(-1));
      expect([sent.method, sent.text]).toEqual(['sendPhoto', 'The blue one']);
    });

    test('a client who blocks the bot is shown so, and sending to him fails with the reason', async () => {
      await user.does('block');
      await seen(anna.page.getByText('blocked', { exact: false }), 'words about it', 5);
      await anna.chats.answer('Are you there?');
      await seen(anna.page.getByTestId('message-failed').getByText('blocked'), 'the reason', 10);
      await user.does('unblock');
      await anna.page.getByTestId('message-retry').click();
      const sent = one((await user.received(4)).at(-1));
      expect(sent.text).toBe('Are you there?');
    });

    test('one client: one contact and one deal', async () => {
      expect(await crm.contactRows.count()).toBe(1);
      expect(await crm.dealRows.count()).toBe(1);
      expect(desks.flatMap((desk) => desk.complaints)).toEqual([]);
    });
  });
}

/** Finds the employee by the search and gives him a role, and the switch where wanted. */
async function choose(page: Page, name: string, role: string, receives: boolean): Promise<void> {
  await page.getByTestId('roles-search').fill(name);
  const row = page.getByTestId('role-row').filter({ hasText: name });
  await expect.poll(() => page.getByTestId('role-row').count()).toBe(1);
  await row.getByTestId('role').locator(`[data-value=${role}]`).click();
  const toggle = row.getByTestId('receives');
  if ((await toggle.getAttribute('aria-checked')) !== String(receives)) await toggle.click();
  await expect.poll(() => toggle.getAttribute('aria-checked')).toBe(String(receives));
}
