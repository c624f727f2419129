// Every screen, wide, in a card's width and on a phone, light and dark, in Russian and English: nothing is wider than
// the screen, axe-core finds nothing, and the pictures of docs/pictures are taken.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Frame, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Company } from './run/company.ts';
import { Demo, one } from './run/demo.ts';
import { root } from './run/paths.ts';
import { stories, type Language } from './run/story.ts';
import { seen } from './run/within.ts';
import { Desk, launch } from './screen/browser.ts';
import { CrmScreen } from './screen/crm.ts';
import { EmployeeScreen } from './screen/employee.ts';
import { Visitor } from './screen/visitor.ts';
import { accessibilityTroubles, tooWide, pictureName, picturesFolder, settle, sizes } from './screen/look.ts';
import type { Size, Theme } from './screen/look.ts';

const committed = [
  ['chats', 'wide', 'light', 'en'],
  ['chats', 'wide', 'dark', 'ru'],
  ['list', 'phone', 'light', 'ru'],
  ['list', 'phone', 'dark', 'en'],
  ['chats', 'phone', 'light', 'en'],
  ['chats', 'phone', 'dark', 'ru'],
  ['chats', 'card', 'light', 'ru'],
  ['client', 'phone', 'light', 'ru'],
  ['why', 'wide', 'light', 'ru'],
  ['quality', 'wide', 'dark', 'en'],
  ['integration', 'wide', 'light', 'ru'],
  ['integration', 'phone', 'dark', 'en'],
  ['roles', 'wide', 'light', 'ru'],
  ['roles', 'phone', 'dark', 'en'],
  ['channels', 'wide', 'light', 'en'],
  ['channel-form', 'phone', 'light', 'ru'],
  ['employees', 'wide', 'dark', 'ru'],
  ['employees', 'phone', 'light', 'en'],
  ['connect', 'wide', 'light', 'en'],
  ['sign-in', 'wide', 'dark', 'en'],
  ['invitation', 'phone', 'light', 'ru'],
  ['setup', 'phone', 'light', 'en'],
  ['widget', 'wide', 'light', 'en'],
  ['widget', 'phone', 'dark', 'ru'],
  ['crm-contact', 'wide', 'light', 'en'],
  ['crm-frame', 'wide', 'light', 'ru'],
].map(([screen, size, theme, language]) => pictureName(screen ?? '', size as Size, theme as Theme, language ?? ''));

/** The chat window stands in a card of the CRM too. */
const sizesOf = (screen: string): Size[] =>
  ['list', 'chats', 'client', 'quality'].includes(screen) ? ['wide', 'card', 'phone'] : ['wide', 'phone'];
const themes: Theme[] = ['light', 'dark'];

/** Which looks axe-core judges: both themes, wide and phone; the other language adds only its texts. */
function isJudged(language: Language, size: Size, theme: Theme): boolean {
  return language === 'en' ? size !== 'card' : size === 'phone' && theme === 'light';
}

/** Looks at what is on the page in every size and both themes. `arrange` puts the screen there in each size. */
async function lookAt(
  screen: string,
  language: Language,
  page: Page,
  arrange: (size: Size) => Promise<unknown> = async () => undefined,
  frameOf: () => Promise<Frame | undefined> = async () => undefined,
): Promise<void> {
  const troubles: string[] = [];
  for (const size of sizesOf(screen)) {
    await page.setViewportSize(sizes[size]);
    await settle(page); // what the new size closes is closed
    await arrange(size);
    const frame = await frameOf();
    for (const theme of themes) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
      await page.mouse.move(0, 0); // nothing lights up under the mouse
      await settle(page);
      const name = pictureName(screen, size, theme, language);
      for (const trouble of await tooWide(frame ?? page)) troubles.push(`${name}: ${trouble}`);
      if (isJudged(language, size, theme)) {
        for (const trouble of await accessibilityTroubles(frame ?? page)) troubles.push(`${name}: ${trouble}`);
      }
      if (committed.includes(name)) await page.screenshot({ path: join(picturesFolder(), `${name}.png`) });
    }
  }
  expect(troubles).toEqual([]);
}

for (const language of ['en', 'ru'] as const) {
  describe.sequential(`screens, ${language}`, () => {
    const story = stories[language];
    const talk = one(story.talks[0]);
    const lastWords = one(talk.lines.at(-1)?.says);
    const locale = language === 'ru' ? 'ru-RU' : 'en-GB';
    let browser: Browser;
    let company: Company;
    let manager: EmployeeScreen;
    let admin: EmployeeScreen;
    let quality: EmployeeScreen;
    const desks: Desk[] = [];

    beforeAll(async () => {
      [browser, company] = await Promise.all([launch(), Company.start(language)]);
    });

    afterAll(async () => {
      await browser?.close();
      await company?.stop();
    });

    async function stranger(url: string): Promise<Page> {
      const desk = await Desk.open(browser, { locale });
      desks.push(desk);
      return desk.page(url);
    }

    async function comes(index: number): Promise<EmployeeScreen> {
      const screen = await EmployeeScreen.signIn(browser, company.url, company.employee(index), { locale });
      desks.push(screen.desk);
      return screen;
    }

    test('set-up', async () => {
      const page = await stranger(company.setUpURL);
      await seen(page.getByTestId('setup-company'), 'the form');
      await lookAt('setup', language, page);
    });

    test('no CRM yet', async () => {
      await company.claim();
      admin = await comes(4);
      await admin.go('integration');
      await seen(admin.page.getByTestId('connect-crm'), 'the offer to connect');
      await lookAt('connect', language, admin.page);
    });

    test('the company opens and its clients write', { timeout: 120_000 }, async () => {
      await company.open();
      await company.talk();
      manager = await comes(0);
      quality = await comes(3);
    });

    test('sign-in and invitation', async () => {
      const signIn = await stranger(company.url);
      await seen(signIn.getByTestId('sign-in-email'), 'the form');
      await lookAt('sign-in', language, signIn);
      const invitation = await stranger(company.invitationURL);
      await seen(invitation.getByTestId('invitation-password'), 'the form');
      await lookAt('invitation', language, invitation);
    });

    test('chats: thread, list, client', async () => {
      const { page, chats } = manager;
      await lookAt('list', language, page, async () => {
        await seen(page.getByTestId('chat-row'), 'the list');
      });
      await page.setViewportSize(sizes.wide);
      await chats.open(lastWords);
      await lookAt('chats', language, page, async () => {
        await seen(chats.message(lastWords), 'the newest message');
        await seen(page.getByTestId('media-image'), 'the picture');
        await page.getByTestId('message').last().scrollIntoViewIfNeeded();
      });
      await lookAt('client', language, page, async () => {
        if (!(await page.getByTestId('client-panel').isVisible())) await page.getByTestId('panel-toggle').click();
        await seen(page.getByTestId('deal'), 'the deal');
      });
    });

    test('why this employee', async () => {
      const { page } = manager;
      await page.setViewportSize(sizes.wide);
      await lookAt('why', language, page, async () => {
        if (await page.getByTestId('why-popover').first().isVisible()) await page.keyboard.press('Escape');
        if (!(await page.getByTestId('thread-header').isVisible())) await page.goBack();
        await page.getByTestId('thread-header').getByTestId('why').click();
        await seen(page.getByTestId('why-candidate'), 'the candidates');
      });
    });

    test('quality control', async () => {
      const { page, chats } = quality;
      await chats.open(lastWords);
      await lookAt('quality', language, page, async () => {
        await seen(chats.closedComposer, 'the closed composer');
      });
    });

    test('integration and roles', async () => {
      const { page } = admin;
      await page.setViewportSize(sizes.wide);
      await page.reload();
      await lookAt('integration', language, page, async () => {
        await seen(page.getByTestId('effect'), 'the effect');
      });
      await page.setViewportSize(sizes.wide);
      await page.getByTestId('choose-roles').first().click();
      await page.getByTestId('role-row').nth(1).getByTestId('role').locator('[data-value=quality_control]').click();
      await page.getByTestId('role-row').nth(5).getByTestId('role').locator('[data-value=manager]').click();
      await lookAt('roles', language, page, async () => {
        await seen(page.getByTestId('receives-reason'), 'a reason');
      });
      await page.keyboard.press('Escape');
    });

    test('channels and the form of a bot', async () => {
      const { page } = admin;
      await page.setViewportSize(sizes.wide);
      await admin.go('channels');
      await lookAt('channels', language, page, async () => {
        await seen(page.getByTestId('snippet'), 'the script tag');
      });
      await page.getByTestId('add-telegram_bot').click();
      await lookAt('channel-form', language, page, async () => {
        await seen(page.getByTestId('channel-token'), 'the form');
      });
      await page.keyboard.press('Escape');
    });

    test('employees and the own menu', async () => {
      const { page } = admin;
      await page.setViewportSize(sizes.wide);
      await admin.go('employees');
      await lookAt('employees', language, page, async () => {
        await seen(page.getByTestId('employee'), 'the employees');
      });
      await lookAt('menu', language, page, async () => {
        if (await page.getByTestId('sign-out').isVisible()) await page.keyboard.press('Escape');
        await page.getByTestId('me').click();
        await seen(page.getByTestId('sign-out'), 'the menu');
      });
    });

    test('no page complained', () => {
      expect(desks.flatMap((desk) => desk.complaints)).toEqual([]);
    });
  });

  describe.sequential(`screens of others, ${language}`, () => {
    const { visitor: person } = stories[language];
    const locale = language === 'ru' ? 'ru-RU' : 'en-GB';
    let browser: Browser;
    let demo: Demo;
    let visitor: Visitor;

    beforeAll(async () => {
      [browser, demo] = await Promise.all([launch(), Demo.start(language)]);
      visitor = await Visitor.come(browser, demo.file.widgetURL, { locale });
    });

    afterAll(async () => {
      await browser?.close();
      await demo?.stop();
    });

    test('the widget', async () => {
      await visitor.introduce(person.name, person.phone);
      await visitor.write(person.question);
      const supervisor = one(demo.having('supervisor')[0]);
      const screen = await EmployeeScreen.signIn(browser, demo.file.appURL, supervisor, { locale });
      await screen.chats.open(person.question);
      await screen.chats.answer(person.answer);
      await seen(visitor.message(person.answer), 'the answer');
      await visitor.write(person.thanks);
      await seen(visitor.message(person.thanks).and(visitor.page.locator('[data-state=sent]')), 'the thanks');
      await lookAt('widget', language, visitor.page, async () => {
        await seen(visitor.message(person.thanks), 'the talk');
      });
      await screen.desk.close();
    });

    test('the CRM’s contact page, and the chat in its frame', async () => {
      const crm = await CrmScreen.open(browser, `${demo.file.crmURL}`, { locale });
      const contact = await crm.record(crm.contact(person.name));
      await contact.actAs(one(demo.having('supervisor')[0]).name);
      await seen(contact.entry(person.thanks), 'the timeline', 10);
      await contact.expanded(person.question);
      await lookAt('crm-contact', language, contact.page);
      await contact.page.setViewportSize(sizes.wide);
      const chats = await contact.openChat();
      await seen(chats.message(person.thanks), 'the chat in the frame', 10);
      await lookAt('crm-frame', language, contact.page, undefined, () => embedded(contact.page));
      expect([...crm.desk.complaints, ...visitor.desk.complaints]).toEqual([]);
    });

    async function embedded(page: Page): Promise<Frame> {
      const handle = await page.getByTestId('chat-frame').elementHandle();
      return one((await handle?.contentFrame()) ?? undefined, 'the frame');
    }
  });
}

describe('pictures', () => {
  const folder = join(root, 'docs', 'pictures');
  const notes = existsSync(join(folder, 'README.md')) ? readFileSync(join(folder, 'README.md'), 'utf8') : '';

  test('every picture was taken', () => {
    const taken = new Set(readdirSync(picturesFolder()));
    expect(committed.filter((name) => !taken.has(`${name}.png`))).toEqual([]);
  });

  test('docs/pictures holds exactly these, each with its line', () => {
    const there = readdirSync(folder).filter((name) => name.endsWith('.png'));
    expect(there.sort()).toEqual(committed.map((name) => `${name}.png`).sort());
    expect(committed.filter((name) => !notes.includes(`\`${name}.png\``))).toEqual([]);
  });
});
