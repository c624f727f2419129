// Words and signs that several chat views share.
import { t, texts } from '../i18n/i18n.svelte';
import type { IconName } from '../parts/Icon.svelte';
import type { MessageKind, Preview } from '../nouns';

export function transportName(transport: string): string {
  const key = `transport.${transport}`;
  return texts.has(key) ? t(key) : transport;
}

export function transportIcon(transport: string): IconName {
  return transport === 'telegram_bot' ? 'telegram' : transport === 'webchat' ? 'globe' : 'channel';
}

export function kindName(kind: MessageKind): string {
  return kind === 'text' ? '' : t(`kind.${kind}`);
}

export function kindIcon(kind: MessageKind): IconName | undefined {
  const icons: Partial<Record<MessageKind, IconName>> = {
    image: 'image',
    video: 'play',
    voice: 'microphone',
    audio: 'microphone',
    document: 'file',
    sticker: 'sticker',
    location: 'pin',
    contact: 'person',
    unsupported: 'question',
  };
  return icons[kind];
}

/** One line for lists and quotes: the text, else what kind of thing it is. */
export function summary(message: Pick<Preview, 'kind' | 'text'>): string {
  return message.text?.replace(/\s+/g, ' ').trim() || kindName(message.kind);
}

/** The unit of a transport's limit: Unicode characters or UTF-16 units. */
export function textLength(text: string, unit: 'runes' | 'utf16'): number {
  return unit === 'utf16' ? text.length : [...text].length;
}
