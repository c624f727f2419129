// Entry of widget.js: reads the script tag, starts the chat, offers window.SwitchboardChat.
import { Chat } from './chat';
import { readConfig, type Config } from './config';
import { newId } from './id';
import { Protocol, type Failure } from './protocol';
import { openArea, Store } from './store';
import { View } from './view';

export interface SwitchboardChatAPI {
  open: () => void;
  close: () => void;
  identify: (identity: { name?: string; phone?: string; email?: string }) => void;
}

declare global {
  interface Window {
    SwitchboardChat?: SwitchboardChatAPI;
  }
}

/** The tag that runs now; a tag manager may run us without one, then the first tag with our address. */
function ownScript(): HTMLScriptElement | undefined {
  const { currentScript } = document;
  if (currentScript instanceof HTMLScriptElement && currentScript.src) return currentScript;
  return document.querySelector<HTMLScriptElement>('script[src*="/webchat/v1/"][src*="/widget.js"]') ?? undefined;
}

// The site's developer reads these; the visitor sees nothing.
function warn(text: string): void {
  // eslint-disable-next-line no-console
  console.warn(`[Switchboard chat] ${text}`);
}

function explain(failure: Failure): void {
  const why = failure.status === 403 ? 'this origin is not allowed' : 'no such channel';
  warn(`hidden: ${why} (${failure.status})`);
}

function makeChat(config: Config, store: Store): Chat {
  const root = `${config.base}/webchat/v1/${config.channelKey}`;
  return new Chat(
    {
      protocol: new Protocol(root, (input, init) => fetch(input, init)),
      store,
      webLocks: navigator.locks,
      channel: 'BroadcastChannel' in window ? new BroadcastChannel(store.prefix) : undefined,
      now: () => Date.now(),
      random: () => Math.random(),
      newId,
      isOnline: () => navigator.onLine,
      closed: explain,
    },
    config.identity,
  );
}

function listen(chat: Chat, store: Store): void {
  const isVisible = () => document.visibilityState === 'visible';
  addEventListener('online', () => chat.foundNetwork());
  addEventListener('offline', () => chat.lostNetwork());
  document.addEventListener('visibilitychange', () => chat.setVisible(isVisible()));
  addEventListener('pagehide', () => chat.stop());
  addEventListener('pageshow', (event) => event.persisted && chat.start(isVisible()));
  addEventListener('storage', (event) => {
    const key = event.key === null ? undefined : store.own(event.key);
    if (key && key !== 'conversation') chat.storageChanged(key);
  });
  chat.start(isVisible());
}

function mount(config: Config): SwitchboardChatAPI {
  const prefix = `switchboard:${config.base}/${config.channelKey}:`;
  const store = new Store(
    openArea(() => localStorage),
    prefix,
  );
  const chat = makeChat(config, store);
  const view = new View(
    chat,
    config,
    new Store(
      openArea(() => sessionStorage),
      prefix,
    ),
  );
  chat.listen(() => view.draw());
  view.draw();
  listen(chat, store);
  return {
    open: () => view.setOpen(true),
    close: () => view.setOpen(false),
    identify: (identity) => chat.identify(identity),
  };
}

function boot(): void {
  if (window.SwitchboardChat) return warn('loaded twice; the second one does nothing');
  const script = ownScript();
  const config = script && readConfig(script, navigator.language);
  if (!config) return warn("the script's address must end with /webchat/v1/CHANNELKEY/widget.js");
  const begin = () => {
    window.SwitchboardChat = mount(config);
    window.dispatchEvent(new CustomEvent('switchboard-chat-ready'));
  };
  if (document.body) begin();
  else document.addEventListener('DOMContentLoaded', begin, { once: true });
}

boot();
