// Reads server-sent events from a response body. EventSource cannot send a bearer or tell 401 from an outage.

/** One event of the stream; `id` and `event` are empty when the server named none. */
export interface Frame {
  id: string;
  event: string;
  data: string;
}

/** Yields each complete event; `onBytes` hears every chunk, comments (heartbeats) included. */
export async function* readFrames(body: ReadableStream<Uint8Array>, onBytes: () => void): AsyncGenerator<Frame> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onBytes();
      const blocks = (rest + decoder.decode(value, { stream: true })).replaceAll('\r\n', '\n').split('\n\n');
      rest = blocks.pop() ?? '';
      yield* blocks.map(parseBlock).filter((frame) => frame !== undefined);
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

function parseBlock(block: string): Frame | undefined {
  const frame: Frame = { id: '', event: '', data: '' };
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') data.push(value);
    else if (name === 'id' || name === 'event') frame[name] = value;
  }
  if (data.length === 0 && frame.event === '' && frame.id === '') return undefined;
  frame.data = data.join('\n');
  return frame;
}
