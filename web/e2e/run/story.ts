// What is said in the pictures, in both languages. Everybody in it is made up.
import type { Owner } from './stand.ts';

export type Language = 'en' | 'ru';

/** A line of a talk: the client's, or the answer of the manager who got the client. */
interface Line {
  says?: string;
  answers?: string;
  minutesAgo?: number;
  act?: 'photo' | 'voice' | 'document';
}

export interface Talk {
  client: string;
  lines: Line[];
}

interface Story {
  company: string;
  bot: string;
  site: string;
  owners: Owner[];
  /** Clients who write to the bot; the first one's thread is the one on the pictures. */
  talks: Talk[];
  /** Visitors of the site, one question each. */
  guests: { name: string; question: string }[];
  visitor: { name: string; phone: string; question: string; answer: string; thanks: string };
}

const owner = (number: number, name: string, email: string): Owner => {
  const [firstName = '', lastName = ''] = name.split(' ');
  return { id: String(600 + number), userId: 9600 + number, email, firstName, lastName, archived: false };
};

const emails = ['anna', 'boris', 'vera', 'oleg', 'maria', 'timur', 'nina', 'pavel'].map(
  (name) => `${name}@shop.example`,
);
const ownersNamed = (names: string[]) => names.map((name, index) => owner(index + 1, name, emails[index] ?? ''));

const english: Story = {
  company: 'Northlight Lamps',
  bot: 'northlight_lamps_bot',
  site: 'northlight.example',
  owners: ownersNamed([
    'Anna Ivanova',
    'Boris Petrov',
    'Vera Smirnova',
    'Oleg Volkov',
    'Maria Sokolova',
    'Timur Alimov',
    'Nina Belova',
    'Pavel Orlov',
  ]),
  talks: [
    {
      client: 'Irina',
      lines: [
        { says: 'Hello! I am looking for a reading lamp for a small room', minutesAgo: 14 },
        { answers: 'Good afternoon, Irina! What ceiling height, and warm or cold light?' },
        { act: 'photo', says: 'Something like this one' },
        { says: 'Ceiling 2.6 m, warm. I would read in bed, so the switch has to be within reach' },
        { answers: 'Then “Nook”, with a dimmer on the cord: https://northlight.example/nook' },
        { act: 'voice' },
        { says: 'And one more question: can it be delivered on Saturday?' },
      ],
    },
    { client: 'Marek', lines: [{ says: 'Is the 3-year warranty valid in Poland?', minutesAgo: 26 }] },
    {
      client: 'Lena',
      lines: [
        { says: 'The parcel came, everything is whole. Thank you!', minutesAgo: 190 },
        { answers: 'So glad! Write to us if anything flickers.' },
      ],
    },
    {
      client: 'Workshop “Oak & Brass”, wholesale',
      lines: [
        { says: 'We need 40 table lamps for a hotel by the 12th', minutesAgo: 320 },
        { answers: 'Noted: 40 pieces by the 12th. The offer will be ready today.' },
        { act: 'document', says: 'Requirements.pdf' },
      ],
    },
    { client: 'Jonas', lines: [{ says: 'Do you have a showroom? 🙂', minutesAgo: 1500 }] },
    {
      client: 'Sofie',
      lines: [
        { says: 'Where is my order?', minutesAgo: 2900 },
        { answers: 'It left the warehouse this morning, the courier will call.' },
      ],
    },
    {
      client: 'Tomasz',
      lines: [
        { says: 'Can the shade be changed later?', minutesAgo: 700 },
        { answers: 'Yes, all shades fit all stands.' },
      ],
    },
    { client: 'Greta', lines: [{ says: 'Do you repair old lamps?', minutesAgo: 64 }] },
    { client: 'Paul', lines: [{ says: 'Is there a discount for students?', minutesAgo: 81 }] },
    {
      client: 'Nadia',
      lines: [
        { says: 'The dimmer hums a little, is that normal?', minutesAgo: 4100 },
        { answers: 'No. We send a new one today, keep the old one.' },
      ],
    },
    { client: 'Victor', lines: [{ says: 'Which bulb fits the “Nook”?', minutesAgo: 210 }] },
    { client: 'Emma', lines: [{ says: 'I would like to change the address', minutesAgo: 33 }] },
    {
      client: 'Daniel',
      lines: [{ says: 'Thank you, the lamp is beautiful', minutesAgo: 5700 }, { answers: 'Thank you, Daniel!' }],
    },
  ],
  guests: [
    { name: 'Clara Winter', question: 'Is the green shade still made?' },
    { name: 'Hugo', question: 'Do you ship to Norway?' },
    { name: 'Mia Lund', question: 'What does express delivery cost?' },
  ],
  visitor: {
    name: 'Helen Brandt',
    phone: '+44 20 7946 0958',
    question: 'Hello! Is the blue desk lamp in stock?',
    answer: 'Two left. Shall I keep one for you?',
    thanks: 'Yes please, until Friday',
  },
};

const russian: Story = {
  company: 'Северный свет',
  bot: 'severny_svet_bot',
  site: 'svet.example',
  owners: ownersNamed([
    'Анна Иванова',
    'Борис Петров',
    'Вера Смирнова',
    'Олег Волков',
    'Мария Соколова',
    'Тимур Алимов',
    'Нина Белова',
    'Павел Орлов',
  ]),
  talks: [
    {
      client: 'Ирина',
      lines: [
        { says: 'Здравствуйте! Ищу лампу для чтения в небольшую комнату', minutesAgo: 14 },
        { answers: 'Добрый день, Ирина! Какая высота потолка и какой свет: тёплый или холодный?' },
        { act: 'photo', says: 'Вроде такой, видела у подруги' },
        { says: 'Потолок 2,6 м, тёплый. Читаю лёжа, выключатель должен быть под рукой' },
        { answers: 'Тогда «Уголок», диммер на шнуре: https://svet.example/ugolok' },
        { act: 'voice' },
        { says: 'И ещё вопрос: можно доставить в субботу?' },
      ],
    },
    { client: 'Марат', lines: [{ says: 'Гарантия три года действует в Казани?', minutesAgo: 26 }] },
    {
      client: 'Лена',
      lines: [
        { says: 'Посылка пришла, всё цело. Спасибо!', minutesAgo: 190 },
        { answers: 'Очень рады! Пишите, если что-то замигает.' },
      ],
    },
    {
      client: 'Мастерская «Дуб и латунь», опт',
      lines: [
        { says: 'Нужно 40 настольных ламп для гостиницы к 12-му числу', minutesAgo: 320 },
        { answers: 'Записала: 40 штук к 12-му. Предложение будет сегодня.' },
        { act: 'document', says: 'Требования.pdf' },
      ],
    },
    { client: 'Ян', lines: [{ says: 'А шоурум у вас есть? 🙂', minutesAgo: 1500 }] },
    {
      client: 'Соня',
      lines: [{ says: 'Где мой заказ?', minutesAgo: 2900 }, { answers: 'Утром выехал со склада, курьер позвонит.' }],
    },
    {
      client: 'Тимофей',
      lines: [
        { says: 'Абажур потом можно поменять?', minutesAgo: 700 },
        { answers: 'Да, все абажуры подходят ко всем ножкам.' },
      ],
    },
    { client: 'Галина', lines: [{ says: 'Старые лампы чините?', minutesAgo: 64 }] },
    { client: 'Пётр', lines: [{ says: 'Есть скидка для студентов?', minutesAgo: 81 }] },
    {
      client: 'Надя',
      lines: [
        { says: 'Диммер немного гудит, это нормально?', minutesAgo: 4100 },
        { answers: 'Нет. Сегодня отправим новый, старый оставьте себе.' },
      ],
    },
    { client: 'Виктор', lines: [{ says: 'Какая лампочка подходит к «Уголку»?', minutesAgo: 210 }] },
    { client: 'Эмма', lines: [{ says: 'Хочу поменять адрес доставки', minutesAgo: 33 }] },
    {
      client: 'Данила',
      lines: [{ says: 'Спасибо, лампа чудесная', minutesAgo: 5700 }, { answers: 'Спасибо вам, Данила!' }],
    },
  ],
  guests: [
    { name: 'Клара Зимина', question: 'Зелёный абажур ещё делаете?' },
    { name: 'Гоша', question: 'В Мурманск отправляете?' },
    { name: 'Мила Лунёва', question: 'Сколько стоит срочная доставка?' },
  ],
  visitor: {
    name: 'Елена Брандт',
    phone: '+7 495 123-45-67',
    question: 'Здравствуйте! Есть ли синяя настольная лампа?',
    answer: 'Осталось две. Отложить одну для вас?',
    thanks: 'Да, пожалуйста, до пятницы',
  },
};

export const stories: Record<Language, Story> = { en: english, ru: russian };
