// Texts of the interface. Only the active language is loaded; t() is reactive, so switching needs no reload.
import type en from './en.json';

export type Language = 'ru' | 'en';
export type TextKey = keyof typeof en;
type PluralForms = Partial<Record<Intl.LDMLPluralRule, string>>;
export type Words = Record<TextKey, string | PluralForms>;
export type Values = Record<string, string | number>;

export const languages: { code: Language; name: string }[] = [
  { code: 'ru', name: 'Русский' },
  { code: 'en', name: 'English' },
];

const loaders: Record<Language, () => Promise<{ default: unknown }>> = {
  ru: () => import('./ru.json'),
  en: () => import('./en.json'),
};

const storageKey = 'switchboard.language';

class Texts {
  #words = $state.raw<Partial<Words>>({});
  #language = $state<Language>('en');
  #plural = new Intl.PluralRules('en');

  get language(): Language {
    return this.#language;
  }

  /** Uses words that are already at hand. */
  use(language: Language, words: Words): void {
    this.#plural = new Intl.PluralRules(language);
    this.#language = language;
    this.#words = words;
    if (typeof document !== 'undefined') document.documentElement.lang = language;
  }

  async load(language: Language): Promise<void> {
    const file = await loaders[language]();
    this.use(language, file.default as Words);
  }

  text(key: TextKey, values: Values = {}): string {
    const entry = this.#words[key];
    if (entry === undefined) return key;
    return fill(typeof entry === 'string' ? entry : this.#form(entry, values), values);
  }

  #form(forms: PluralForms, values: Values): string {
    const rule = this.#plural.select(Number(values.count ?? 0));
    return forms[rule] ?? forms.other ?? '';
  }

  has(key: string): key is TextKey {
    return key in this.#words;
  }
}

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export const texts = new Texts();

/** The text of a key in the active language; `count` chooses the plural form. */
export function t(key: TextKey, values?: Values): string {
  return texts.text(key, values);
}

/** The language chosen before, else the browser's, else English. */
export function preferredLanguage(): Language {
  const chosen = readChoice();
  if (chosen) return chosen;
  const spoken = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
  return (spoken.find((code) => code === 'ru' || code === 'en') as Language | undefined) ?? 'en';
}

export async function chooseLanguage(language: Language): Promise<void> {
  await texts.load(language);
  try {
    localStorage.setItem(storageKey, language);
  } catch {
    // Storage may be closed in a frame; the choice then lasts until the reload.
  }
}

function readChoice(): Language | undefined {
  try {
    const kept = localStorage.getItem(storageKey);
    return kept === 'ru' || kept === 'en' ? kept : undefined;
  } catch {
    return undefined;
  }
}
