// Message ids. crypto.randomUUID exists on https pages only; getRandomValues exists everywhere.

/** A random UUID, version 4. */
export function newId(source: Pick<Crypto, 'getRandomValues'> = crypto): string {
  const bytes = [...source.getRandomValues(new Uint8Array(16))];
  const hex = bytes.map((byte, at) => versioned(byte, at).toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** RFC 9562: version in byte 6, variant in byte 8. */
function versioned(byte: number, at: number): number {
  if (at === 6) return (byte & 0x0f) | 0x40;
  return at === 8 ? (byte & 0x3f) | 0x80 : byte;
}
