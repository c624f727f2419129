import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { builtWidget } from './page';

test('the built widget is one classic script below 15 kB gzip', async () => {
  const script = await builtWidget();
  expect(gzipSync(script, { level: 9 }).length).toBeLessThan(15_000);
  expect(script).not.toMatch(/^\s*(import|export)\b/m);
  expect(script).not.toMatch(/\beval\(|new Function|innerHTML|insertAdjacentHTML|setAttribute\(.style/);
}, 60_000);
