// A trial server for the interface: speaks the app's interface over a made-up company in memory, serves dist beside it
// under the product's content security policy. Sign in with any e-mail of data.mjs; the password is "password".
// Usage: node test/server.mjs [port]. POST /trial/event {kind, ...} plays a live event.
import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { capabilities, channels, chats, people, pictureBytes, pipelines } from './data.mjs';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const csp = "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:";

let event = 100;
let isClaimed = true;
let crm = {
  kind: 'hubspot',
  state: 'active',
  portal: '12345',
  url: 'https://crm.example',
  syncedAt: new Date().toISOString(),
  checks: [],
};
const account = { timeline: true, notifySupervisors: false, country: 'RU', eightToSeven: true };
const settingsOf = { 'c-web': { target: 'deal', pipeline: 'p-sales', stage: 's-new' }, 'c-tg': { target: '' } };
const rolesOf = {
  'c-web': {
    'e-anna': ['manager', true],
    'e-boris': ['manager', true],
    'e-maria': ['supervisor', false],
    'e-oleg': ['quality_control', false],
  },
  'c-tg': {
    'e-anna': ['manager', true],
    'e-boris': ['manager', false],
    'e-maria': ['supervisor', false],
    'e-oleg': ['quality_control', false],
  },
};
const listeners = new Set();
const known = Object.values(people);

for (const chat of chats) {
  chat.version = 1;
  chat.cleared = 0;
}

const roleOf = (me, channelId) => rolesOf[channelId]?.[me.id]?.[0];
const sees = (me, chat) => {
  const role = roleOf(me, chat.channelId);
  return role === 'supervisor' || role === 'quality_control' || (role === 'manager' && chat.responsible?.id === me.id);
};

function row(me, chat) {
  const last = chat.messages.at(-1);
  const lastOut = chat.messages.findLast((one) => one.direction === 'out' && one.status !== 'failed')?.seq ?? 0;
  const waiting = chat.messages.filter((one) => one.direction === 'in' && one.seq > Math.max(lastOut, chat.cleared));
  return {
    id: chat.id,
    channelId: chat.channelId,
    clientId: chat.clientId,
    name: chat.name,
    username: chat.username,
    unanswered: waiting.length,
    waitingSince: waiting[0]?.at,
    mine: chat.responsible?.id === me.id,
    lastSeq: last?.seq ?? 0,
    lastAt: last?.at ?? new Date(0).toISOString(),
    last: last && { direction: last.direction, kind: last.kind, text: last.text?.slice(0, 200), status: last.status },
    responsible: chat.responsible && { ...chat.responsible, hasAccess: !chat.noAccess },
    provisional: chat.provisional ?? false,
    clientState: chat.clientState ?? 'linked',
    unreachable: false,
    version: chat.version,
  };
}

function detail(me, chat) {
  const role = roleOf(me, chat.channelId);
  const broken = channels.find((one) => one.id === chat.channelId).state !== 'active';
  const send =
    role === 'quality_control'
      ? { allowed: false, reason: 'Вы — контроль качества: только чтение' }
      : broken && chat.id === '3'
        ? { allowed: false, reason: 'Канал @shop_bot не работает: Telegram не принимает токен' }
        : { allowed: true };
  return {
    chat: row(me, chat),
    client: {
      id: chat.clientId,
      name: chat.name,
      state: chat.clientState ?? 'linked',
      contactId: chat.contactId,
      contactURL: chat.contactId && `https://crm.example/contact/${chat.contactId}`,
      identities: (chat.phones ?? []).map(([kind, value, verified]) => ({ kind, value, verified })),
    },
    deals: chat.contactId
      ? [
          {
            id: `d${chat.id}`,
            name: `Сделка: ${chat.name}`,
            pipeline: 'Продажи',
            stage: 'Новая',
            open: true,
            owner: chat.responsible?.name,
            url: 'https://crm.example/deal/1',
          },
          ...(chat.id === '1'
            ? [
                {
                  id: 'd0',
                  name: 'Весенний заказ',
                  pipeline: 'Продажи',
                  stage: 'Успешно',
                  open: false,
                  url: 'https://crm.example/deal/2',
                },
              ]
            : []),
        ]
      : [],
    otherChats: chat.id === '1' ? [row(me, chats[1])] : [],
    can: { send, clear: send, chooseContact: { allowed: role === 'supervisor' } },
  };
}

function session(me, contact) {
  const mine = channels
    .filter((one) => roleOf(me, one.id))
    .map(({ id, name, transport, state }) => ({
      id,
      name,
      transport,
      state,
      role: roleOf(me, id),
      capabilities: capabilities[transport],
    }));
  return {
    employee: me,
    account: { id: 'a1', name: 'Демо' },
    event,
    channels: mine,
    crmConnected: crm !== undefined,
    contact,
  };
}

function block(channel) {
  const roles = Object.entries(rolesOf[channel.id] ?? {});
  const count = (role) => roles.filter(([, [one]]) => one === role).length;
  const receiving = roles
    .filter(([, [, receives]]) => receives)
    .map(([id]) => known.find((one) => one.id === id))
    .map(({ id, name }) => ({ id, name }));
  const settings = settingsOf[channel.id] ?? { target: '' };
  const pipeline = pipelines.find((one) => one.id === settings.pipeline);
  const stage = pipeline?.stages.find((one) => one.id === settings.stage);
  const effect =
    settings.target === 'deal'
      ? `Новый клиент в канале «${channel.name}» станет сделкой в «${pipeline?.label} / ${stage?.label}»; ответственный — следующий по очереди из: ${receiving.map((one) => one.name).join(', ')}.`
      : `Новый клиент в канале «${channel.name}» ничего не создаёт в CRM: не выбрано, где создать сделку.`;
  return {
    id: channel.id,
    name: channel.name,
    transport: channel.transport,
    settings,
    effect,
    next: receiving[0],
    roles: {
      qualityControl: count('quality_control'),
      managers: count('manager'),
      supervisors: count('supervisor'),
      receiving,
    },
  };
}

const employee = (one) => ({
  ...one,
  active: true,
  activeInCRM: one.id !== 'e-vera',
  inCRM: true,
  signedUp: one.id !== 'e-vera',
  lastSignInAt: one.id === 'e-vera' ? undefined : new Date(Date.now() - 7e6).toISOString(),
});
const settings = () => ({
  account,
  crm,
  pipelines,
  channels: channels.map(block),
  problems: [
    {
      channelId: 'c-tg',
      text: 'Канал @shop_bot не принимает новых сообщений: токен отозван.',
      cure: 'Откройте «Каналы» и вставьте новый токен.',
    },
  ],
});
const roleRows = (id) => ({
  channelId: id,
  rows: known.map((one) => {
    const [role, receives] = rolesOf[id]?.[one.id] ?? [undefined, false];
    return { employee: employee(one), role, receives };
  }),
});

function publish(kind, chat, rest = () => ({})) {
  event += 1;
  for (const { me, write } of listeners) {
    if (chat && !sees(me, chat)) continue;
    write(kind, { kind, number: event, ...(chat ? { chat: row(me, chat) } : {}), ...rest(me) });
  }
}

function touch(chat) {
  chat.version = event + 1;
}

function add(chat, message) {
  touch(chat);
  const full = {
    kind: 'text',
    at: new Date().toISOString(),
    status: 'received',
    seq: chat.messages.length + 1,
    version: event + 1,
    ...message,
  };
  chat.messages.push(full);
  publish('message', chat, () => ({ message: full }));
  return full;
}

function progress(chat, message, statuses) {
  const [next, ...rest] = statuses;
  if (!next) return;
  setTimeout(() => {
    touch(chat);
    Object.assign(message, { status: next, version: event + 1 });
    publish('message', chat, () => ({ message }));
    progress(chat, message, rest);
  }, 400);
}

class Refusal extends Error {
  constructor(status, code, title, field) {
    super(title);
    this.problem = { status, code, title, ...(field ? { field } : {}) };
  }
}

const found = (me, id) => {
  const chat = chats.find((one) => one.id === id);
  if (!chat || !sees(me, chat)) throw new Refusal(404, 'not_found', 'Такого чата нет или он вам недоступен.');
  return chat;
};

const anyone = {
  'GET /api/app/start': () => ({ claimed: isClaimed }),
  'POST /api/app/setup': ({ body }) => {
    isClaimed = true;
    return signIn({ ...people.maria, name: body.name, email: body.email });
  },
  'POST /api/app/sign-in': ({ body }) => {
    const me = known.find((one) => one.email === body.email);
    if (!me || body.password !== 'password') throw new Refusal(401, 'unauthorized', 'Неверная почта или пароль.');
    return signIn(me);
  },
  'GET /api/app/invitations/:token': ({ token }) => {
    if (token === 'old') throw new Refusal(404, 'not_found', 'Ссылка уже использована или её срок истёк.');
    return { company: 'Демо', name: people.vera.name, email: people.vera.email, kind: 'invitation' };
  },
  'POST /api/app/invitations/:token': () => signIn(people.anna),
  'POST /api/embed/session': ({ body }) => {
    if (!body.code.startsWith('good')) throw new Refusal(401, 'unauthorized', 'Ссылка из карточки уже использована.');
    return {
      token: `bearer-${people.anna.id}`,
      expiresAt: new Date(Date.now() + 3600_000).toISOString(),
      session: session(people.anna, body.code.slice(5) || '101'),
    };
  },
  'POST /api/embed/renew': () => ({
    token: `bearer-${people.anna.id}`,
    expiresAt: new Date(Date.now() + 3600_000).toISOString(),
    session: session(people.anna, '101'),
  }),
  'POST /trial/event': ({ body }) => {
    const chat = chats.find((one) => one.id === body.chatId);
    if (body.kind === 'message') return add(chat, { id: crypto.randomUUID(), direction: 'in', text: body.text });
    if (body.kind === 'owner') return changeOwner(chat, body.to);
    if (body.kind === 'unclaim') isClaimed = false;
    if (body.kind === 'disconnect') crm = undefined;
    if (body.kind === 'connect') crm = { kind: 'hubspot', state: 'active', portal: '12345', checks: [] };
    return {};
  },
};

function changeOwner(chat, to) {
  const before = [...listeners].filter(({ me }) => sees(me, chat));
  chat.responsible = { id: people[to].id, name: people[to].name };
  touch(chat);
  publish('chat', chat);
  before
    .filter(({ me }) => !sees(me, chat))
    .forEach(({ write }) => write('gone', { kind: 'gone', number: event, gone: chat.id }));
  return {};
}

const signedIn = {
  'POST /api/app/sign-out': () => ({ cookie: 'switchboard_session=; Max-Age=0; Path=/', status: 204 }),
  'GET /api/app/session': ({ me, isFrame }) => session(me, isFrame ? '101' : undefined),
  'PATCH /api/app/session': ({ me }) => session(me),
  'GET /api/app/chats': ({ me, query }) => {
    const contact = query.get('contact');
    const filter = query.get('filter');
    const all = chats
      .filter((one) => sees(me, one) && (!contact || one.contactId === contact))
      .map((one) => row(me, one))
      .filter((one) => filter !== 'mine' || one.mine)
      .filter((one) => filter !== 'unanswered' || one.unanswered > 0)
      .sort((a, b) => Number(b.unanswered > 0) - Number(a.unanswered > 0) || (a.lastAt < b.lastAt ? 1 : -1));
    const from = Number(query.get('cursor') ?? 0);
    const limit = Number(query.get('limit') ?? 50);
    return {
      chats: all.slice(from, from + limit),
      event,
      ...(from + limit < all.length ? { next: String(from + limit) } : {}),
    };
  },
  'GET /api/app/chats/:chat': ({ me, chat }) => detail(me, found(me, chat)),
  'GET /api/app/chats/:chat/why': () => ({
    decided: true,
    at: new Date(Date.now() - 9e7).toISOString(),
    rule: 'next_in_turn',
    sentence: 'Новый клиент: ответственным стала Анна Петрова — её очередь.',
    employee: { id: 'e-anna', name: 'Анна Петрова' },
    considered: [
      {
        employee: { id: 'e-anna', name: 'Анна Петрова' },
        eligible: true,
        reason: 'получает новых клиентов, её очередь',
      },
      {
        employee: { id: 'e-boris', name: 'Борис Иванов' },
        eligible: true,
        reason: 'получает новых клиентов, следующий',
      },
      { employee: { id: 'e-vera', name: 'Вера Крылова' }, eligible: false, reason: 'заблокирована в CRM' },
      {
        employee: { id: 'e-oleg', name: 'Олег Смирнов' },
        eligible: false,
        reason: 'контроль качества не получает клиентов',
      },
    ],
    turnBefore: { name: 'Анна Петрова' },
    turnAfter: { name: 'Борис Иванов' },
  }),
  'GET /api/app/chats/:chat/messages': ({ me, chat, query }) => {
    const { messages } = found(me, chat);
    const limit = Number(query.get('limit') ?? 50);
    const after = query.get('after');
    const before = Number(query.get('before') ?? Infinity);
    const fitting = messages.filter((one) => (after === null ? one.seq < before : one.seq > Number(after)));
    const page = after === null ? fitting.slice(-limit) : fitting.slice(0, limit);
    return { messages: page, more: page.length < fitting.length, event };
  },
  'POST /api/app/chats/:chat/messages': ({ me, chat, body }) => {
    const into = found(me, chat);
    const same = into.messages.find((one) => one.id === body.id);
    const { id, name } = me;
    const message =
      same ??
      add(into, {
        id: body.id,
        direction: 'out',
        kind: body.kind ?? 'text',
        text: body.text,
        status: 'queued',
        author: { id, name },
        media: body.media?.map((one) => ({ id: one, kind: body.kind, state: 'ready', name: 'file' })),
      });
    if (!same) progress(into, message, ['sending', 'sent', 'delivered', 'read']);
    return { chat: row(me, into), message, status: 201 };
  },
  'POST /api/app/chats/:chat/messages/:message/retry': ({ me, chat, message: id }) => {
    const into = found(me, chat);
    const message = into.messages.find((one) => one.id === id);
    touch(into);
    Object.assign(message, { status: 'queued', version: event + 1 });
    publish('message', into, () => ({ message }));
    progress(into, message, ['sending', 'sent']);
    return { chat: row(me, into), message };
  },
  'PUT /api/app/chats/:chat/no-reply-needed': ({ me, chat }) => clear(me, found(me, chat), true),
  'DELETE /api/app/chats/:chat/no-reply-needed': ({ me, chat }) => clear(me, found(me, chat), false),
  'POST /api/app/chats/:chat/media': ({ query }) => ({
    id: 'f9',
    kind: 'document',
    state: 'ready',
    name: query.get('name'),
    status: 201,
  }),
  'GET /api/app/settings': settings,
  'PATCH /api/app/settings': ({ body }) => (Object.assign(account, body), publish('settings'), settings()),
  'GET /api/app/channels': () => ({
    channels,
    transports: Object.entries(capabilities).map(([transport, one]) => ({ transport, capabilities: one })),
  }),
  'POST /api/app/channels': ({ body }) => {
    if (body.token && !/^\d+:/.test(body.token))
      throw new Refusal(
        400,
        'invalid',
        'Telegram не знает такого токена. Скопируйте его из @BotFather целиком.',
        'token',
      );
    const made = {
      id: `c-${channels.length}`,
      key: 'k',
      state: 'active',
      name: body.name ?? '@bot',
      transport: body.transport,
      config: body.config,
      ...(body.transport === 'webchat' ? { snippet: channels[0].snippet, pageURL: '/widget-page' } : {}),
    };
    channels.push(made);
    publish('settings');
    return { ...made, status: 201 };
  },
  'PATCH /api/app/channels/:channel': ({ channel, body }) => {
    const one = channels.find(({ id }) => id === channel);
    Object.assign(
      one,
      body.name ? { name: body.name } : {},
      body.config ? { config: body.config } : {},
      body.active === undefined ? {} : { state: body.active ? 'active' : 'disabled' },
    );
    publish('settings');
    return one;
  },
  'PUT /api/app/channels/:channel/settings': ({ channel, body }) => {
    settingsOf[channel] = body;
    publish('settings');
    return block(channels.find(({ id }) => id === channel));
  },
  'GET /api/app/channels/:channel/roles': ({ channel }) => roleRows(channel),
  'PUT /api/app/channels/:channel/roles': ({ channel, body }) => {
    rolesOf[channel] = Object.fromEntries(body.rows.map((one) => [one.employeeId, [one.role, one.receives]]));
    event += 1;
    listeners.forEach(({ write }) => write('reset', { kind: 'reset', number: event }));
    return roleRows(channel);
  },
  'PUT /api/app/crm': ({ body }) => {
    if (body.token.length < 10)
      throw new Refusal(
        400,
        'invalid',
        'HubSpot не принимает этот токен. Проверьте, что он скопирован целиком.',
        'token',
      );
    crm = { kind: 'hubspot', state: 'active', portal: '12345', checks: [{ name: 'Контакты', ok: true }] };
    return crm;
  },
  'POST /api/app/crm/refresh': () => ({
    employeesAdded: ['Вера Крылова', 'Ян Ли'],
    employeesGone: [],
    pipelinesAdded: [],
    pipelinesGone: [],
    stagesAdded: ['Продажи / Договор'],
    stagesGone: [],
  }),
  'GET /api/app/employees': () => ({ employees: known.map(employee) }),
  'PATCH /api/app/employees/:employee': ({ employee: id, body }) =>
    Object.assign(employee(known.find((one) => one.id === id)), body),
  'POST /api/app/employees/:employee/invitation': () => ({
    url: 'https://chat.example/invitation/Kd83jf-29dk',
    expiresAt: new Date(Date.now() + 6e8).toISOString(),
    status: 201,
  }),
};

function clear(me, chat, isCleared) {
  chat.cleared = isCleared ? chat.messages.length : 0;
  touch(chat);
  publish('chat', chat);
  return row(me, chat);
}

function signIn(me) {
  return { ...session(me), cookie: `switchboard_session=${me.id}; Path=/; HttpOnly; SameSite=Lax` };
}

function route(table, method, path) {
  for (const [key, handle] of Object.entries(table)) {
    const [verb, pattern] = key.split(' ');
    const names = [...pattern.matchAll(/:(\w+)/g)].map((one) => one[1]);
    const match = verb === method && path.match(new RegExp(`^${pattern.replace(/:\w+/g, '([^/]+)')}$`));
    if (match)
      return { handle, values: Object.fromEntries(names.map((name, at) => [name, decodeURIComponent(match[at + 1])])) };
  }
  return undefined;
}

async function readBody(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const text = Buffer.concat(parts).toString();
  return request.headers['content-type'] === 'application/json' && text ? JSON.parse(text) : {};
}

function whoAsks(request) {
  const bearer = /^Bearer bearer-(.+)$/.exec(request.headers.authorization ?? '')?.[1];
  const cookie = /switchboard_session=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1];
  return { me: known.find((one) => one.id === (bearer ?? cookie)), isFrame: bearer !== undefined };
}

// No event is kept: who comes late is told to load everything anew.
function live(request, response, me, after) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.write(': hello\n\n');
  const listener = {
    me,
    write: (kind, data) => response.write(`id: ${data.number}\nevent: ${kind}\ndata: ${JSON.stringify(data)}\n\n`),
  };
  if (after < event) listener.write('reset', { kind: 'reset', number: event });
  listeners.add(listener);
  const beat = setInterval(() => response.write(': beat\n\n'), 10_000);
  request.on('close', () => (listeners.delete(listener), clearInterval(beat)));
}

async function answer(request, response, url) {
  const open = route(anyone, request.method, url.pathname);
  const { me, isFrame } = whoAsks(request);
  if (!open && !me) throw new Refusal(401, 'unauthorized', 'Войдите.');
  if (url.pathname === '/api/app/live') return live(request, response, me, Number(url.searchParams.get('after')));
  const { handle, values } = open ?? route(signedIn, request.method, url.pathname) ?? {};
  if (!handle) throw new Refusal(404, 'not_found', `Нет такого: ${request.method} ${url.pathname}`);
  const {
    status = 200,
    cookie,
    ...body
  } = handle({ me, isFrame, query: url.searchParams, body: await readBody(request), ...values });
  response.writeHead(status, { 'Content-Type': 'application/json', ...(cookie ? { 'Set-Cookie': cookie } : {}) });
  response.end(status === 204 ? undefined : JSON.stringify(body));
}

function serveFile(response, url) {
  if (url.pathname.startsWith('/media/'))
    return response.writeHead(200, { 'Content-Type': 'image/svg+xml' }).end(pictureBytes);
  const name = url.pathname === '/embed' ? 'embed.html' : url.pathname.slice(1);
  const file = name && extname(name) && existsSync(dist + name) ? name : 'index.html';
  response.writeHead(200, {
    'Content-Type': types[extname(file)] ?? 'application/octet-stream',
    'Content-Security-Policy': csp,
  });
  response.end(readFileSync(dist + file));
}

export function start(port) {
  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://localhost');
    if (!/^\/(api|trial)\//.test(url.pathname)) return serveFile(response, url);
    answer(request, response, url).catch((error) => {
      const problem = error.problem ?? { status: 500, code: 'internal', title: String(error) };
      response.writeHead(problem.status, { 'Content-Type': 'application/problem+json' }).end(JSON.stringify(problem));
    });
  });
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.argv[2] ?? 8787);
  await start(port);
  console.log(`http://127.0.0.1:${port}`);
}
