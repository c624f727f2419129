import { describe, expect, it } from 'vitest';
import { readFrames, type Frame } from './sse';

function bodyOf(chunks: string[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      chunks.forEach((chunk) => controller.enqueue(encoder.encode(chunk)));
      controller.close();
    },
  });
}

async function read(chunks: string[]): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const frame of readFrames(bodyOf(chunks), () => undefined)) frames.push(frame);
  return frames;
}

describe('frames of a live stream', () => {
  const text = ': hello\n\nid: 7\nevent: chat\ndata: {"a":\ndata: "ё"}\n\nid: 8\r\nevent: gone\r\ndata: x\r\n\r\n';
  const expected = [
    { id: '7', event: 'chat', data: '{"a":\n"ё"}' },
    { id: '8', event: 'gone', data: 'x' },
  ];

  it('are the same however the bytes are cut', async () => {
    const bytes = new TextEncoder().encode(text);
    for (let cut = 1; cut < bytes.length; cut++) {
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(bytes.slice(0, cut));
          controller.enqueue(bytes.slice(cut));
          controller.close();
        },
      });
      const frames: Frame[] = [];
      for await (const frame of readFrames(stream, () => undefined)) frames.push(frame);
      expect(frames).toEqual(expected);
    }
  });

  it('drop an unfinished event at a cut: it will come again', async () => {
    expect(await read(['id: 1\ndata: a\n\nid: 2\ndata: b'])).toEqual([{ id: '1', event: '', data: 'a' }]);
  });

  it('ignore heartbeats', async () => {
    expect(await read([': beat\n\n: beat\n\n'])).toEqual([]);
  });
});
