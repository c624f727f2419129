// The made-up company that the trial server shows.
const minute = 60_000;
const ago = (minutes) => new Date(Date.now() - minutes * minute).toISOString();

export const people = {
  maria: { id: 'e-maria', name: 'Мария Соколова', email: 'maria@demo.example', admin: true },
  anna: { id: 'e-anna', name: 'Анна Петрова', email: 'anna@demo.example', admin: false },
  boris: { id: 'e-boris', name: 'Борис Иванов', email: 'boris@demo.example', admin: false },
  vera: { id: 'e-vera', name: 'Вера Крылова', email: 'vera@demo.example', admin: false },
  oleg: { id: 'e-oleg', name: 'Олег Смирнов', email: 'oleg@demo.example', admin: false },
};

const media = { image: 10_000_000, document: 50_000_000, audio: 50_000_000, video: 50_000_000 };

export const capabilities = {
  webchat: {
    textMax: 4000,
    textUnit: 'runes',
    captionMax: 0,
    media: {},
    quote: false,
    startsChat: false,
    delivered: true,
  },
  telegram_bot: { textMax: 4096, textUnit: 'utf16', captionMax: 1024, media, quote: true, startsChat: false },
};

export const channels = [
  {
    id: 'c-web',
    transport: 'webchat',
    name: 'Сайт shop.example',
    key: 'k1',
    state: 'active',
    config: { origins: ['https://shop.example'] },
    snippet: '<script src="https://chat.example/widget.js" data-channel="k1" async></script>',
    pageURL: '/widget-page',
  },
  {
    id: 'c-tg',
    transport: 'telegram_bot',
    name: '@shop_bot',
    key: 'k2',
    state: 'broken',
    stateReason: 'Telegram не принимает токен: его отозвали в @BotFather. Вставьте новый токен.',
    config: { mode: 'poll' },
    ignored: [{ name: 'Семейный чат', reason: 'это группа, бот отвечает только в личных чатах' }],
  },
];

export const pipelines = [
  {
    id: 'p-sales',
    label: 'Продажи',
    stages: [
      { id: 's-new', label: 'Новая', offered: true },
      { id: 's-talk', label: 'Переговоры', offered: true },
      { id: 's-won', label: 'Успешно', offered: false },
    ],
  },
  { id: 'p-service', label: 'Сервис', stages: [{ id: 's-open', label: 'Открыта', offered: true }] },
];

const picture =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 4 3'%3E%3Crect width='4' height='3' fill='%2398b8a8'/%3E%3Ccircle cx='2' cy='1.5' r='1' fill='%23d97b4f'/%3E%3C/svg%3E";
export const pictureBytes = decodeURIComponent(picture.slice(picture.indexOf(',') + 1));

let numbers = 0;

function message(direction, minutes, rest) {
  numbers += 1;
  const status = direction === 'in' ? 'received' : 'delivered';
  return { id: `m-${numbers}`, direction, kind: 'text', at: ago(minutes), status, version: 1, ...rest };
}

const by = (one) => ({ id: people[one].id, name: people[one].name });

function chat(id, name, channelId, responsible, messages, rest = {}) {
  const numbered = messages.map((one, index) => ({ ...one, seq: index + 1 }));
  return {
    id,
    name,
    channelId,
    clientId: `cl-${id}`,
    responsible: responsible ? by(responsible) : undefined,
    messages: numbered,
    ...rest,
  };
}

const long = Array.from({ length: 140 }, (_, index) =>
  message(index % 3 === 0 ? 'out' : 'in', 6000 - index * 30, {
    text:
      index % 7 === 0
        ? 'Хорошо, спасибо!\nТогда жду подтверждения и счёт на почту.'
        : `Сообщение ${index + 1}: уточните, пожалуйста, сроки.`,
    ...(index % 3 === 0 ? { author: by('anna') } : {}),
  }),
);

export const chats = [
  chat(
    '1',
    'Иван Кузнецов',
    'c-tg',
    'anna',
    [
      message('in', 1500, { text: 'Здравствуйте! Сколько стоит доставка до Казани?' }),
      message('out', 1490, {
        text: 'Добрый день, Иван! До Казани — 350 ₽, срок 2–3 дня.',
        author: by('anna'),
        status: 'read',
      }),
      message('in', 1480, {
        text: 'Отлично, а можно наложенным платежом? Вот что я нашёл у вас на сайте: https://shop.example/delivery/kazan?utm=1, там написано иначе.',
      }),
      message('out', 1470, { text: 'Да, можно.', author: by('anna'), editedAt: ago(1469), status: 'read' }),
      message('in', 60, {
        kind: 'image',
        text: 'Вот такой',
        media: [
          {
            id: 'f1',
            kind: 'image',
            state: 'ready',
            url: '/media/f1',
            inline: true,
            width: 800,
            height: 600,
            name: 'photo.jpg',
          },
        ],
      }),
      message('in', 34, {
        kind: 'voice',
        media: [
          { id: 'f2', kind: 'voice', state: 'ready', url: '/media/f2', inline: true, seconds: 14, mime: 'audio/ogg' },
        ],
      }),
      message('in', 33, {
        text: 'Сможете сегодня отправить?',
        replyTo: { id: 'm-4', seq: 4, direction: 'out', kind: 'text', text: 'Да, можно.' },
      }),
    ],
    {
      username: 'ivan_k',
      contactId: '101',
      phones: [
        ['phone', '+79161234567', true],
        ['email', 'ivan@mail.example', false],
      ],
    },
  ),
  chat('2', 'Aylin Demir', 'c-web', 'anna', [message('in', 12, { text: 'Hi! Do you ship to Türkiye? 😊' })], {
    contactId: '102',
    phones: [['email', 'aylin@mail.example', false]],
    provisional: true,
  }),
  chat(
    '3',
    'ООО «Очень длинное название компании, которое никуда не помещается»',
    'c-tg',
    'boris',
    [
      message('in', 300, { text: 'Пришлите договор' }),
      message('out', 290, {
        kind: 'document',
        author: by('boris'),
        status: 'sent',
        media: [
          {
            id: 'f3',
            kind: 'document',
            state: 'ready',
            url: '/media/f3',
            name: 'Договор поставки № 114 от 12 ноября.pdf',
            size: 482_113,
          },
        ],
      }),
      message('in', 22, { text: 'Подписали, отправляем оригинал.' }),
    ],
    { contactId: '103' },
  ),
  chat(
    '4',
    'שרה לוי',
    'c-web',
    'anna',
    [
      message('in', 200, { text: 'שלום, האם המוצר במלאי?' }),
      message('out', 190, {
        text: 'Да, в наличии.',
        author: by('anna'),
        status: 'failed',
        reason: 'Посетитель закрыл чат до того, как сообщение дошло.',
      }),
    ],
    { contactId: '104' },
  ),
  chat(
    '5',
    'Пётр',
    'c-tg',
    'anna',
    [
      message('in', 180, {
        kind: 'sticker',
        media: [{ id: 'f4', kind: 'sticker', state: 'ready', url: '/media/f1', inline: true, width: 512, height: 512 }],
      }),
      message('in', 179, {
        kind: 'location',
        location: { latitude: 55.7558, longitude: 37.6173, title: 'Красная площадь', address: 'Москва' },
      }),
      message('in', 178, { kind: 'contact', contact: { name: 'Светлана', phone: '+79030000001' } }),
      message('in', 177, { kind: 'unsupported', note: 'poll' }),
      message('in', 176, { text: '🎉🎉' }),
      message('out', 170, { text: 'Принято, перезвоню через час', author: by('anna'), status: 'maybe_sent' }),
    ],
    { contactId: '105' },
  ),
  chat('6', 'Новый посетитель', 'c-web', undefined, [message('in', 5, { text: 'Есть кто живой?' })], {
    clientState: 'waiting',
  }),
  chat('7', 'Галина Андреевна', 'c-tg', 'vera', long, { contactId: '107', noAccess: true }),
  ...Array.from({ length: 130 }, (_, index) =>
    chat(
      `x${index}`,
      `Клиент ${index + 1}`,
      index % 2 ? 'c-tg' : 'c-web',
      ['anna', 'boris'][index % 2],
      [
        message('in', 3000 + index * 60, { text: 'Спасибо за помощь!' }),
        message('out', 2990 + index * 60, { text: 'Обращайтесь!', author: by(['anna', 'boris'][index % 2]) }),
      ],
      { contactId: `2${index}` },
    ),
  ),
];
