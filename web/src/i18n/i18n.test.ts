import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isChatText } from './chatTexts';
import en from './en.json';
import { texts, t, type Words } from './i18n.svelte';
import ru from './ru.json';

type Entry = string | Record<string, string>;
const english = en as Record<string, Entry>;
const russian = ru as Record<string, Entry>;
const source = join(import.meta.dirname, '..');

const forms = (entry: Entry | undefined) => (typeof entry === 'string' ? [entry] : Object.values(entry ?? {}));
const values = (entry: Entry | undefined) =>
  [...new Set(forms(entry).flatMap((text) => text.match(/\{\w+\}/g) ?? []))].sort();

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(svelte|ts)$/.test(name) && !name.endsWith('.test.ts') && !name.endsWith('.d.ts'))
    .map((name) => join(folder, name));
}

/** Every quoted word of the sources that is a key, and the starts of keys that are put together. */
function usedIn(folders: string[]): { keys: Set<string>; starts: string[] } {
  const text = folders.flatMap((folder) => sourceFiles(join(source, folder))).map((file) => readFileSync(file, 'utf8'));
  const whole = text.join('\n');
  const keys = new Set([...whole.matchAll(/'([a-zA-Z][\w.]*)'/g)].map((match) => match[1] ?? ''));
  const starts = [...whole.matchAll(/`([a-z]+\.)\$\{/g)].map((match) => match[1] ?? '');
  return { keys, starts };
}

describe('texts', () => {
  it('have the same keys and values in both languages', () => {
    expect(Object.keys(russian)).toEqual(Object.keys(english));
    for (const key of Object.keys(english)) expect([key, values(russian[key])]).toEqual([key, values(english[key])]);
  });

  it('have every plural form that each language needs', () => {
    for (const [language, words] of Object.entries({ en: english, ru: russian })) {
      const needed = new Intl.PluralRules(language).resolvedOptions().pluralCategories.sort();
      for (const [key, entry] of Object.entries(words)) {
        if (typeof entry !== 'string')
          expect([language, key, Object.keys(entry).sort()]).toEqual([language, key, needed]);
      }
    }
  });

  it('are plural in both languages or in none', () => {
    const plural = (words: Record<string, Entry>) => Object.keys(words).filter((key) => typeof words[key] !== 'string');
    expect(plural(russian)).toEqual(plural(english));
  });

  it('are translated', () => {
    const same = Object.keys(english).filter((key) => JSON.stringify(english[key]) === JSON.stringify(russian[key]));
    expect(same).toEqual(['app.name']);
    const latinOnly = Object.entries(russian).filter(([, entry]) => forms(entry).some((text) => !/[а-яё]/i.test(text)));
    expect(latinOnly.map(([key]) => key)).toEqual(['app.name']);
  });

  it('are all used', () => {
    const { keys, starts } = usedIn(['.']);
    const unused = Object.keys(english).filter(
      (key) => !keys.has(key) && !starts.some((start) => key.startsWith(start)),
    );
    expect(unused).toEqual([]);
  });

  it('of the chat window are all in the CRM frame', () => {
    const { keys } = usedIn(['chat', 'embed', 'parts', 'state', 'live']);
    const onlyThere = [...keys].filter((key) => key in english && !isChatText(key) && key !== 'role.');
    // CopyField's and Segmented's words are their callers'.
    expect(onlyThere).toEqual([]);
  });

  it('stand word for word as the product names them', () => {
    const wanted = {
      'integration.title': 'Интеграция с CRM',
      'settings.question1': '1. Написал новый клиент (клиент, которого нет в CRM). Где создать сделку?',
      'settings.question2': '2. Выберите роли сотрудников',
      choose: 'Выбрать',
      'role.quality_control': 'Контроль качества',
      'role.manager': 'Менеджер',
      'role.supervisor': 'Руководитель',
      receives: 'Получает новых клиентов',
      'settings.additional': 'Дополнительные настройки',
      'settings.timeline': 'Сохранять сообщения в ленту событий лида, контакта и сделки',
      'settings.notify': 'Уведомлять руководителей по всем сообщениям',
      'crm.refresh': 'Обновить данные из CRM',
      noReply: 'Отвечать не нужно',
    };
    expect(russian).toMatchObject(wanted);
  });

  it('choose the Russian plural form by the count', () => {
    texts.use('ru', ru as unknown as Words);
    expect([1, 2, 5, 11, 21, 22, 25, 111].map((count) => t('chats.arrived', { count }))).toEqual([
      '1 новый чат',
      '2 новых чата',
      '5 новых чатов',
      '11 новых чатов',
      '21 новый чат',
      '22 новых чата',
      '25 новых чатов',
      '111 новых чатов',
    ]);
    texts.use('en', en as unknown as Words);
    expect([0, 1, 2].map((count) => t('chats.arrived', { count }))).toEqual([
      '0 new chats',
      '1 new chat',
      '2 new chats',
    ]);
  });

  it('leave an unknown value visible rather than dropping it', () => {
    texts.use('en', en as unknown as Words);
    expect(t('responsible.is')).toBe('Responsible: {name}');
  });
});
