import { deflateSync } from 'node:zlib';

/** A picture (PNG) of two colours in stripes, large enough to be seen; base64. */
export function stripes(width = 640, height = 420): string {
  const row = (y: number) => {
    const line = Buffer.alloc(1 + width * 3);
    for (let x = 0; x < width; x++) {
      const isLamp = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 3) ** 2;
      line.set(isLamp ? [246, 190, 80] : [70 + Math.floor((y / height) * 60), 110, 140], 1 + x * 3);
    }
    return line;
  };
  const pixels = deflateSync(Buffer.concat(Array.from({ length: height }, (_, y) => row(y))));
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const parts = [signature, chunk('IHDR', head), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat(parts).toString('base64');
}

function chunk(kind: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(kind), data]);
  const frame = Buffer.alloc(body.length + 8);
  frame.writeUInt32BE(data.length, 0);
  body.copy(frame, 4);
  frame.writeUInt32BE(crc(body), body.length + 4);
  return frame;
}

function crc(data: Buffer): number {
  let sum = 0xffffffff;
  for (const byte of data) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return (sum ^ 0xffffffff) >>> 0;
}

/** A short Ogg page that is recognised as Ogg Opus; base64. Its sound does not matter here. */
export function voice(): string {
  const page = Buffer.alloc(27 + 1 + 19);
  page.write('OggS', 0);
  page[5] = 2;
  page[26] = 1;
  page[27] = 19;
  page.write('OpusHead', 28);
  page.set([1, 1, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0], 36);
  return Buffer.concat([page, Buffer.alloc(2000)]).toString('base64');
}
