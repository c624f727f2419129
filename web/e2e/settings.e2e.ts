// Settings by hand: roles window, additional settings, refresh from the CRM, keyboard (issue 2, scope 9).
import type { Browser, Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Demo, one } from './run/demo.ts';
import { readOwners, setOwners } from './run/stand.ts';
import { gone, seen } from './run/within.ts';
import { launch } from './screen/browser.ts';
import { EmployeeScreen } from './screen/employee.ts';
import { Visitor } from './screen/visitor.ts';

const betweenScreens = 1;

describe.sequential('settings', () => {
  let browser: Browser;
  let demo: Demo;
  let admin: EmployeeScreen;
  let anna: EmployeeScreen;

  const rowOf = (name: string) => admin.page.getByTestId('role-row').filter({ hasText: name });
  const roleOf = (name: string) => rowOf(name).getAttribute('data-role');

  beforeAll(async () => {
    [browser, demo] = await Promise.all([launch(), Demo.start()]);
    admin = await EmployeeScreen.signIn(browser, demo.file.appURL, demo.administrator, { locale: 'ru-RU' });
    anna = await EmployeeScreen.signIn(browser, demo.file.appURL, one(demo.having('manager')[0]));
  });

  afterAll(async () => {
    await browser?.close();
    await demo?.stop();
  });

  test('a wrong password and a stranger are refused with the same words', async () => {
    const words: string[] = [];
    for (const email of [demo.administrator.email, 'nobody@demo.example']) {
      const { request } = (await browser.newContext()) as { request: EmployeeScreen['desk']['context']['request'] };
      const data = { email, password: 'not the password' };
      const answer = await request.post(`${demo.file.appURL}/api/app/sign-in`, { data });
      expect(answer.status()).toBe(401);
      words.push(((await answer.json()) as { title: string }).title);
    }
    expect(words[0]).toBe(words[1]);
  });

  test('the interface speaks the reader’s language, and changes it without a reload', async () => {
    const { page } = admin;
    await speak('ru');
    await seen(page.getByTestId('nav-integration').getByText('Интеграция с CRM'), 'Russian', 5);
    await admin.go('integration');
    await seen(
      page.getByText('1. Написал новый клиент (клиент, которого нет в CRM). Где создать сделку?'),
      'question 1',
    );
    await seen(page.getByText('2. Выберите роли сотрудников'), 'question 2');
    await seen(page.getByRole('heading', { name: 'Дополнительные настройки' }), 'additional settings');
    await seen(page.getByText('Сохранять сообщения в ленту событий лида, контакта и сделки').first(), 'the timeline');
    await seen(page.getByText('Уведомлять руководителей по всем сообщениям').first(), 'the supervisors');
  });

  async function speak(language: 'ru' | 'en') {
    await admin.page.getByTestId('me').click();
    await admin.page.getByTestId('language').locator(`[data-value=${language}]`).click();
    await expect.poll(() => admin.page.evaluate(() => document.documentElement.lang)).toBe(language);
    await admin.page.keyboard.press('Escape');
  }

  test('QUEUE-3: quality control cannot receive new clients, and the window says why', async () => {
    await admin.page.getByTestId('choose-roles').click();
    await seen(admin.page.getByTestId('roles-window'), 'the window');
    const kirill = rowOf('Kirill');
    await seen(kirill, 'the quality controller');
    await seen(kirill.getByText('Получает новых клиентов', { exact: true }), 'the switch’s words');
    expect(await kirill.getByTestId('receives').isDisabled()).toBe(true);
    expect(await kirill.getByTestId('receives').getAttribute('aria-checked')).toBe('false');
    const reason = kirill.getByTestId('receives-reason');
    expect(await reason.innerText()).toMatch(/Контроль качества/);
    const described = await kirill.getByTestId('receives').getAttribute('aria-describedby');
    expect(described).toBe(await reason.getAttribute('id'));
    expect(await rowOf('Anna').getByTestId('receives').isEnabled()).toBe(true);
  });

  test('the roles window works by keyboard alone', async () => {
    const { page } = admin;
    await page.getByTestId('roles-search').focus();
    await page.keyboard.type('anna');
    await expect.poll(() => page.getByTestId('role-row').count()).toBe(1);
    const group = rowOf('Anna').getByTestId('role');
    await tabTo(group.locator('[data-value=manager]'));
    await page.keyboard.press('ArrowRight');
    expect(await roleOf('Anna')).toBe('manager'); // arrows move, they do not choose
    await page.keyboard.press('Enter');
    expect(await roleOf('Anna')).toBe('supervisor');
    await tabTo(rowOf('Anna').getByTestId('receives'));
    await page.keyboard.press('Space');
    expect(await rowOf('Anna').getByTestId('receives').getAttribute('aria-checked')).toBe('false');
    const changes = page.getByTestId('roles-changes');
    await seen(changes.getByText('Руководитель: Anna Ivanova'), 'what changes', 2);
    await seen(
      changes.getByText('Перестанут получать новых клиентов: Anna Ivanova').or(changes.getByText(/Перестан.*Anna/)),
      'who stops',
    );
    await page.keyboard.press('Escape');
    await gone(page.getByTestId('roles-window'), 'the window');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('data-testid'))).toBe('choose-roles');
  });

  /** Tab, as a person would, until the element has the focus. */
  async function tabTo(target: Locator) {
    for (let pressed = 0; pressed < 30; pressed++) {
      if (await target.evaluate((element) => element === document.activeElement)) return;
      await admin.page.keyboard.press('Tab');
    }
    throw new Error('Tab does not reach the element');
  }

  test('closing without saving changes nothing', async () => {
    await admin.page.getByTestId('choose-roles').click();
    await seen(rowOf('Anna'), 'Anna');
    expect(await roleOf('Anna')).toBe('manager');
    expect(await rowOf('Anna').getByTestId('receives').getAttribute('aria-checked')).toBe('true');
  });

  test('ROLE-5: a role taken away empties the screen within 1 s; “set for all found” gives it back', async () => {
    const { page } = admin;
    const client = await Visitor.come(browser, demo.file.widgetURL);
    const question = 'Is somebody there?';
    await client.write(question);
    const hers = anna.chats.row(question);
    await seen(hers, 'the chat on Anna’s screen: she is first in turn', 5);
    await rowOf('Anna').getByTestId('role').locator('[data-value=manager]').click();
    expect(await roleOf('Anna')).toBe('');
    await page.getByTestId('roles-save').click();
    await gone(hers, 'the chat on the screen of somebody without a role', betweenScreens + 1);
    await gone(page.getByTestId('roles-window'), 'the window');
    await page.getByTestId('choose-roles').click();
    await page.getByTestId('roles-search').fill('anna');
    await expect.poll(() => page.getByTestId('role-row').count()).toBe(1);
    await page.getByTestId('roles-for-all').selectOption('manager');
    await rowOf('Anna').getByTestId('receives').click();
    await page.getByTestId('roles-save').click();
    await seen(hers, 'the chat again', betweenScreens + 1);
    await gone(page.getByTestId('roles-window'), 'the window');
    await client.desk.close();
  });

  test('additional settings are saved and stay after a reload', async () => {
    const { page } = admin;
    for (const id of ['setting-timeline', 'setting-notify']) {
      const toggle = page.getByTestId(id);
      const before = await toggle.getAttribute('aria-checked');
      const after = before === 'true' ? 'false' : 'true';
      const saved = page.waitForResponse((answer) => answer.request().method() === 'PATCH' && answer.ok());
      await toggle.click();
      await saved;
      await page.reload();
      await seen(page.getByTestId(id), 'the setting');
      await expect.poll(() => page.getByTestId(id).getAttribute('aria-checked')).toBe(after);
    }
  });

  test('SET-2: a change shows at once on another administrator’s screen', async () => {
    const second = await EmployeeScreen.signIn(browser, demo.file.appURL, demo.administrator);
    await second.go('integration');
    const theirs = second.page.getByTestId('setting-notify');
    const before = await theirs.getAttribute('aria-checked');
    await admin.page.getByTestId('setting-notify').click();
    const changed = second.page.locator(
      `[data-testid=setting-notify][aria-checked=${before === 'true' ? 'false' : 'true'}]`,
    );
    await seen(changed, 'the change on the other screen', betweenScreens + 1);
    expect(second.desk.complaints).toEqual([]);
    await second.desk.close();
  });

  test('TIME-1: with the timeline off a message stays out of the CRM', async () => {
    expect(await admin.page.getByTestId('setting-timeline').getAttribute('aria-checked')).toBe('false');
    const client = await Visitor.come(browser, demo.file.widgetURL);
    await client.introduce('Silent Sam', '+7 916 222-33-44');
    await client.write('Not for the timeline');
    const { page } = admin;
    await admin.go('chats');
    await seen(admin.chats.row('Not for the timeline'), 'the chat', 5);
    const contacts = await client.desk.page(`${demo.file.crmURL}/contacts`);
    await seen(contacts.getByTestId('contact-row').filter({ hasText: 'Silent Sam' }), 'the contact', 5);
    await admin.go('integration');
    const saved = page.waitForResponse((answer) => answer.request().method() === 'PATCH' && answer.ok());
    await page.getByTestId('setting-timeline').click();
    await saved;
    await client.write('This one is for the timeline');
    const path = await contacts.getByTestId('contact-row').filter({ hasText: 'Silent Sam' }).getAttribute('href');
    const record = await client.desk.page(new URL(path ?? '', demo.file.crmURL).href);
    // The later message stands there: what was written before it would stand there too.
    await seen(record.getByTestId('timeline-entry').filter({ hasText: 'This one is' }), 'the later message', 10);
    expect(await record.getByTestId('timeline-entry').filter({ hasText: 'Not for' }).count()).toBe(0);
    await client.desk.close();
  });

  test('SET-3: “refresh data from CRM” shows who is new, and that nothing else changed', async () => {
    const { page } = admin;
    const owners = await readOwners(demo.file.crmURL);
    const nina = {
      id: '506',
      userId: 9506,
      email: 'nina@demo.example',
      firstName: 'Nina',
      lastName: 'Belova',
      archived: false,
    };
    await setOwners(demo.file.crmURL, [...owners, nina]);
    await page.getByTestId('crm-refresh').click();
    await seen(page.getByTestId('crm-difference').getByText('Nina Belova'), 'the new employee', 10);
    await page.getByTestId('choose-roles').click();
    await seen(rowOf('Nina Belova'), 'the new employee in the window');
    await page.keyboard.press('Escape');
    await setOwners(demo.file.crmURL, [...owners, { ...nina, archived: true }]);
    await page.getByTestId('crm-refresh').click();
    await seen(page.getByTestId('crm-difference').getByText('Nina Belova'), 'who is gone', 10);
    await page.getByTestId('crm-refresh').click();
    await seen(page.getByTestId('crm-difference').getByText('В CRM ничего не изменилось.'), 'no difference', 10);
  });

  test('SET-4: a revoked right to the CRM is named, and the chats go on', async () => {
    const client = await Visitor.come(browser, demo.file.widgetURL);
    const { page } = admin;
    await fetch(`${demo.file.crmURL}/sandbox/faults`, { method: 'PUT', body: JSON.stringify({ down: '503' }) });
    await page.getByTestId('crm-refresh').click();
    await seen(
      page.getByTestId('toast').or(page.locator('[data-testid=crm]:not([data-state=active])')),
      'words about it',
      15,
    );
    await client.write('Does the chat work without the CRM?');
    await admin.go('chats');
    await seen(admin.chats.row('without the CRM?'), 'the chat without the CRM', 10);
    await fetch(`${demo.file.crmURL}/sandbox/faults`, { method: 'DELETE' });
    const contacts = await client.desk.page(`${demo.file.crmURL}/deals`);
    await expect.poll(() => contacts.getByTestId('deal-row').count(), { timeout: 40_000 }).toBe(3);
    await client.desk.close();
  });

  test('the chat list works by keyboard: J, K, Enter, R, E, Escape', async () => {
    const { page } = admin;
    await admin.go('chats');
    await seen(page.getByTestId('chat-row'), 'the list');
    await page.getByTestId('chat-list').focus();
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await seen(page.getByTestId('thread'), 'the thread');
    await page.getByTestId('thread').click({ position: { x: 300, y: 200 } });
    await page.keyboard.press('r');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('data-testid'))).toBe('composer');
    await page.getByTestId('composer').blur();
    await page.keyboard.press('Escape');
    await gone(page.getByTestId('thread'), 'the thread');
  });

  test('UNANS-1: “no reply needed” clears the count, and undo brings it back', async () => {
    const { page } = admin;
    await admin.chats.open('without the CRM?');
    await page.getByTestId('no-reply-needed').click();
    const row = admin.chats.row('without the CRM?');
    await expect.poll(() => row.getAttribute('data-unanswered'), { timeout: 3000 }).toBe('0');
    await page.getByTestId('toast').getByRole('button', { name: 'Вернуть' }).click();
    await expect.poll(() => row.getAttribute('data-unanswered'), { timeout: 3000 }).toBe('1');
  });

  test('signing out ends the session on the server', async () => {
    const { page, desk } = anna;
    await page.getByTestId('me').click();
    await page.getByTestId('sign-out').click();
    await seen(page.getByTestId('sign-in-email'), 'the sign-in page', 5);
    const answer = await desk.context.request.get(`${demo.file.appURL}/api/app/chats`);
    expect(answer.status()).toBe(401);
  });

  test('no page complained', () => {
    const isOutage = (line: string) => /^503 .*\/crm\/refresh$/.test(line); // the stand-in was down on purpose
    const complaints = [...admin.desk.complaints, ...anna.desk.complaints];
    expect(complaints.filter((line) => !isOutage(line))).toEqual([]);
  });
});
