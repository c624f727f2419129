import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ownMembers } from '../vite.config';

const typescript = new URL('../../node_modules/typescript/lib/', import.meta.url);

/** Browsers have these too, but the widget reads them from its own objects only. */
const neverTheBrowsers =
  'apply badge button changed channel closed confirm counter create decode element exact field fill hint items left listener pressed readable release restore store';

/** Every property the browser and the language have, from TypeScript's own descriptions of them. */
function platformNames(): Set<string> {
  const names = new Set<string>();
  for (const file of readdirSync(typescript).filter((name) => /^lib\.(dom|es5|es20\d\d)(\..+)?\.d\.ts$/.test(name))) {
    const text = readFileSync(new URL(file, typescript), 'utf8');
    for (const [, name = ''] of text.matchAll(/^ {4}(?:readonly |get |set )?(\w+)\??[(:<]/gm)) names.add(name);
  }
  return names;
}

test('no shortened member has the name of a browser property', () => {
  const names = platformNames();
  expect(names).toContain('locks');
  const shared = [...names].filter((name) => ownMembers.test(name)).sort();
  expect(shared.filter((name) => !neverTheBrowsers.split(' ').includes(name))).toEqual([]);
});

test('nothing that other builds or the server read is shortened', () => {
  const outside =
    'id seq at direction kind text author target url name token clientId messages phone email receipt entries';
  const kept = 'order refused era cursor isWhole edited deleted open close identify';
  expect(`${outside} ${kept}`.split(' ').filter((name) => ownMembers.test(name))).toEqual([]);
});
