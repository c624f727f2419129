/** Reads the sites that may show the widget: one a line; a path is left out, the rest must be http or https. */
export function readOrigins(text: string): { origins: string[]; wrong: string[] } {
  const origins = new Set<string>();
  const wrong: string[] = [];
  for (const word of text.split(/[\s,]+/).filter(Boolean)) {
    const origin = originOf(word);
    if (origin) origins.add(origin);
    else wrong.push(word);
  }
  return { origins: [...origins], wrong };
}

function originOf(word: string): string | undefined {
  try {
    const url = new URL(/^[a-z][a-z0-9+.-]*:/i.test(word) && !/^[\w.-]+:\d+/.test(word) ? word : `https://${word}`);
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.origin : undefined;
  } catch {
    return undefined;
  }
}
