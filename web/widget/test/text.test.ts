import { expect, test } from 'vitest';
import { addressOf, chooseLang, cleanIdentity } from '../src/config';
import { newId } from '../src/id';
import { cleanText, countChars, safeHref, splitLinks } from '../src/text';

const links = (text: string) => splitLinks(text).flatMap((part) => (part.href ? [part.text] : []));

test('an address is a link, the punctuation after it is not', () => {
  expect(links('see https://a.example/b?c=1, and http://d.example.')).toEqual([
    'https://a.example/b?c=1',
    'http://d.example',
  ]);
  expect(links('(https://a.example/b) https://ru.example/Лампа_(синяя)!')).toEqual([
    'https://a.example/b',
    'https://ru.example/Лампа_(синяя)',
  ]);
});

test('only http and https without a user name are followed', () => {
  const refused = [
    'javascript:alert(1)',
    'data:text/html,x',
    'ftp://a.example',
    'https://bank.example@evil.example',
    'https://',
  ];
  expect(refused.filter((link) => safeHref(link) || links(link).length)).toEqual([]);
  expect(safeHref('/media/1', 'https://chat.example/')).toBe('https://chat.example/media/1');
  expect(safeHref('javascript:alert(1)', 'https://chat.example/')).toBeUndefined();
});

test('the parts of a text are the text again', () => {
  for (const text of [
    '',
    'https://',
    'a https://b.example/) c',
    'https://a.example https://b.example',
    '<b>https://c.example</b>',
  ])
    expect(
      splitLinks(text)
        .map((part) => part.text)
        .join(''),
    ).toBe(text);
});

test('a text is sent without control characters and half surrogates', () => {
  expect(cleanText('  a\r\nb\0\u0007\tc\ud800 \udc00\udc00 😀 \n')).toBe('a\nb\tc\ufffd \ufffd\ufffd 😀');
  expect(cleanText(' \n\t ')).toBe('');
  expect(countChars('😀😀')).toBe(2);
});

test('the script address gives server and channel key', () => {
  expect(addressOf('https://h.example/webchat/v1/k3/widget.js?v=2')).toEqual({
    base: 'https://h.example',
    channelKey: 'k3',
  });
  expect(addressOf('https://h.example/sub/webchat/v1/k3/widget.js')).toEqual({
    base: 'https://h.example/sub',
    channelKey: 'k3',
  });
  expect([addressOf('https://h.example/widget.js'), addressOf('')]).toEqual([undefined, undefined]);
});

test('the language is the asked one, then the browser’s, else English', () => {
  const pairs: [string | undefined, string | undefined][] = [
    ['ru', 'en'],
    [undefined, 'ru-RU'],
    ['en', 'ru'],
    [undefined, 'de'],
    ['run', 'ru'],
  ];
  expect(pairs.map(([asked, browser]) => chooseLang(asked, browser))).toEqual(['ru', 'ru', 'en', 'en', 'en']);
});

test('an identity has known, trimmed, bounded fields only', () => {
  expect(cleanIdentity({ name: ` ${'я'.repeat(300)}`, phone: ' ', email: 5, role: 'admin' })).toEqual({
    name: 'я'.repeat(200),
  });
  expect([cleanIdentity(undefined), cleanIdentity('x')]).toEqual([{}, {}]);
});

test('ids are random UUIDs', () => {
  const ids = Array.from({ length: 100 }, () => newId());
  expect(new Set(ids).size).toBe(100);
  for (const id of ids) expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
});
