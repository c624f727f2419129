// What a visitor's message may be, and how it is cleaned before it gets its id.

/** Unicode code points (docs/webchat-protocol.md, Limits). */
export const maxTextChars = 4000;

export function countChars(text: string): number {
  return [...text].length;
}

/** The text as it is sent: no control characters, no half surrogates, no white space around it. */
export function cleanText(raw: string): string {
  return (
    raw
      .replace(/\r\n?/g, '\n')
      // eslint-disable-next-line no-control-regex
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, '')
      .replace(/\p{Cs}/gu, '\ufffd')
      .trim()
  );
}

export interface TextPart {
  text: string;
  /** Set when the part is a web address that may be followed. */
  href?: string;
}

const address = /https?:\/\/[^\s<>"«»„“”]+/gi;

/** Splits a text into plain parts and http(s) links; joined, the parts are the text again. */
export function splitLinks(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const found of text.matchAll(address)) {
    const link = trimTail(found[0]);
    const href = safeHref(link);
    if (!href) continue;
    if (found.index > end) parts.push({ text: text.slice(end, found.index) });
    parts.push({ text: link, href });
    end = found.index + link.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

/** Punctuation after an address belongs to the sentence, and so does a bracket the address did not open. */
function trimTail(link: string): string {
  let end = link.length;
  for (; end > 0; end--) {
    const last = link.charAt(end - 1);
    if (/[.,;:!?'*_]/.test(last)) continue;
    if (last === ')' && !link.slice(0, end - 1).includes('(')) continue;
    if (last === ']' && !link.slice(0, end - 1).includes('[')) continue;
    break;
  }
  return link.slice(0, end);
}

/** A followable address: http or https, with a host, without a user name that poses as one. */
export function safeHref(link: string, base?: string): string | undefined {
  try {
    const url = new URL(link, base);
    const isWeb = url.protocol === 'https:' || url.protocol === 'http:';
    return isWeb && url.hostname && !url.username && !url.password ? url.href : undefined;
  } catch {
    return undefined;
  }
}
