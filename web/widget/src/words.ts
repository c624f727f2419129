// Every text of the widget, in both languages, and the formats of times.
import type { Lang } from './config';

export interface Words {
  title: string;
  subtitle: string;
  open: string;
  /** Label of the launcher with a number of new messages. */
  openNew: (count: number) => string;
  close: string;
  log: string;
  hello: string;
  placeholder: string;
  send: string;
  left: (count: number) => string;
  over: (count: number) => string;
  company: string;
  you: string;
  edited: string;
  deleted: string;
  unsupported: string;
  image: string;
  file: string;
  pending: string;
  sent: string;
  notSent: string;
  /** Why the server refused a message, by HTTP status; 0 = any other. */
  refused: Record<number, string>;
  retry: string;
  discard: string;
  fresh: (count: number) => string;
  offline: (waiting: number) => string;
  server: string;
  busy: string;
  today: string;
  yesterday: string;
  callOffer: string;
  callHint: string;
  callRefused: string;
  name: string;
  phone: string;
  save: string;
  skip: string;
}

const en: Words = {
  title: 'Chat with us',
  subtitle: 'Write to us, we answer right here',
  open: 'Open chat',
  openNew: (count) => `Open chat, new messages: ${count}`,
  close: 'Close chat',
  log: 'Messages',
  hello: 'Hello! How can we help?',
  placeholder: 'Write a message…',
  send: 'Send',
  left: (count) => `Characters left: ${count}`,
  over: (count) => `Characters too many: ${count}`,
  company: 'Company',
  you: 'You',
  edited: 'edited',
  deleted: 'Message deleted',
  unsupported: 'This message cannot be shown here',
  image: 'Picture',
  file: 'File',
  pending: 'waiting to be sent',
  sent: 'sent',
  notSent: 'Not sent',
  refused: {
    0: 'the server did not accept it',
    413: 'the message is too long',
  },
  retry: 'Retry',
  discard: 'Delete',
  fresh: (count) => `New messages: ${count}`,
  offline: (waiting) =>
    `No connection. ${waiting ? `Waiting to be sent: ${waiting}.` : 'Messages will be sent when it is back.'}`,
  server: 'The chat is out of reach. Trying again…',
  busy: 'Too many messages at once. Sending goes on in a moment.',
  today: 'Today',
  yesterday: 'Yesterday',
  callOffer: 'Leave your phone so we can call you back',
  callHint: 'Not required: we answer here in any case.',
  callRefused: 'These details were not accepted. Check the phone or skip this step.',
  name: 'Name',
  phone: 'Phone',
  save: 'Save',
  skip: 'Skip',
};

const ru: Words = {
  title: 'Напишите нам',
  subtitle: 'Напишите — ответим прямо здесь',
  open: 'Открыть чат',
  openNew: (count) => `Открыть чат, новых сообщений: ${count}`,
  close: 'Закрыть чат',
  log: 'Сообщения',
  hello: 'Здравствуйте! Чем можем помочь?',
  placeholder: 'Напишите сообщение…',
  send: 'Отправить',
  left: (count) => `Осталось символов: ${count}`,
  over: (count) => `Лишних символов: ${count}`,
  company: 'Компания',
  you: 'Вы',
  edited: 'изменено',
  deleted: 'Сообщение удалено',
  unsupported: 'Это сообщение нельзя показать здесь',
  image: 'Изображение',
  file: 'Файл',
  pending: 'ждёт отправки',
  sent: 'отправлено',
  notSent: 'Не отправлено',
  refused: {
    0: 'сервер не принял сообщение',
    413: 'сообщение слишком длинное',
  },
  retry: 'Повторить',
  discard: 'Удалить',
  fresh: (count) => `Новых сообщений: ${count}`,
  offline: (waiting) =>
    `Нет связи. ${waiting ? `Ждут отправки: ${waiting}.` : 'Сообщения отправятся, когда она появится.'}`,
  server: 'Чат недоступен. Пробуем снова…',
  busy: 'Слишком много сообщений сразу. Отправка скоро продолжится.',
  today: 'Сегодня',
  yesterday: 'Вчера',
  callOffer: 'Оставьте телефон — мы перезвоним',
  callHint: 'Необязательно: мы в любом случае ответим здесь.',
  callRefused: 'Эти данные не приняты. Проверьте телефон или пропустите этот шаг.',
  name: 'Имя',
  phone: 'Телефон',
  save: 'Сохранить',
  skip: 'Пропустить',
};

export const words: Record<Lang, Words> = { en, ru };

export interface Clock {
  time: (at: Date) => string;
  exact: (at: Date) => string;
  day: (at: Date, now: Date) => string;
}

/** Times in the visitor's own time zone. */
export function clockFor(lang: Lang): Clock {
  return {
    time: (at) => at.toLocaleTimeString(lang, { hour: 'numeric', minute: '2-digit' }),
    exact: (at) => at.toLocaleString(lang),
    day: (at, now) => {
      const { today, yesterday } = words[lang];
      const isThisYear = at.getFullYear() === now.getFullYear();
      const date = () =>
        at.toLocaleDateString(lang, { day: 'numeric', month: 'long', year: isThisYear ? undefined : 'numeric' });
      return [today, yesterday][daysBetween(at, now)] ?? date();
    },
  };
}

function daysBetween(at: Date, now: Date): number {
  const midnight = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  return Math.round((midnight(now) - midnight(at)) / 86_400_000);
}
