// What the page tells the widget: the script's own address and its data-* attributes.

export type Lang = 'ru' | 'en';

/** What is known about the visitor. Unknown fields are absent, never empty. */
export interface Identity {
  name?: string;
  phone?: string;
  email?: string;
}

export interface Config {
  /** Server address without a trailing slash, e.g. https://chat.example.com */
  base: string;
  channelKey: string;
  lang: Lang;
  title: string | undefined;
  identity: Identity;
  nonce: string;
}

/** Characters the server accepts per field (docs/webchat-protocol.md, Limits). */
export const identityLimits: Record<keyof Identity, number> = { name: 200, phone: 320, email: 320 };

const scriptPath = /^(.*)\/webchat\/v1\/([^/]+)\/widget\.js$/;

export interface Address {
  base: string;
  channelKey: string;
}

/** Reads server and channel key from the script's address; undefined when it is not a widget address. */
export function addressOf(src: string): Address | undefined {
  let url: URL;
  try {
    url = new URL(src);
  } catch {
    return undefined;
  }
  const found = scriptPath.exec(url.pathname);
  const [, folder = '', channelKey] = found ?? [];
  return channelKey ? { base: url.origin + folder, channelKey } : undefined;
}

export function chooseLang(asked: string | undefined, browser: string | undefined): Lang {
  const tag = (asked || browser || 'en').toLowerCase();
  return /^ru(-|$)/.test(tag) ? 'ru' : 'en';
}

/** Keeps the three known fields, trimmed, cut to their limits, without empty ones. */
export function cleanIdentity(raw: unknown): Identity {
  const identity: Identity = {};
  if (typeof raw !== 'object' || !raw) return identity;
  for (const field of ['name', 'phone', 'email'] as const) {
    const value = (raw as Record<string, unknown>)[field];
    if (typeof value !== 'string' || !value.trim()) continue;
    identity[field] = [...value.trim()].slice(0, identityLimits[field]).join('');
  }
  return identity;
}

export function readConfig(script: HTMLScriptElement, browserLang: string): Config | undefined {
  const address = addressOf(script.src);
  if (!address) return undefined;
  return {
    ...address,
    lang: chooseLang(script.dataset.lang, browserLang),
    title: script.dataset.title?.trim() || undefined,
    identity: cleanIdentity({ ...script.dataset }),
    nonce: script.nonce ?? '',
  };
}
