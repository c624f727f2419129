import { describe, expect, it } from 'vitest';
import { readOrigins } from './origins';

describe('sites of a widget', () => {
  it('are read one a line, without their paths', () => {
    expect(readOrigins('https://shop.example/page\nhttp://localhost:8080\n')).toEqual({
      origins: ['https://shop.example', 'http://localhost:8080'],
      wrong: [],
    });
  });

  it('may be written as people write them', () => {
    expect(readOrigins('shop.example, localhost:8080').origins).toEqual([
      'https://shop.example',
      'https://localhost:8080',
    ]);
  });

  it('are named when they are none', () => {
    expect(readOrigins('javascript:alert(1) ftp://x https://').wrong).toEqual([
      'javascript:alert(1)',
      'ftp://x',
      'https://',
    ]);
  });
});
