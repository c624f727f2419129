// Prints the gzip sizes of what a first screen loads and fails when a budget is exceeded.
// First screen = the entry's script, everything it imports or preloads, its style sheets, and the bigger language file.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const dist = fileURLToPath(new URL('./dist/', import.meta.url));
const kilobyte = 1000;

const gzipBytes = (file) => gzipSync(readFileSync(dist + file), { level: 9 }).length;
const matches = (text, pattern) => [...text.matchAll(pattern)].map((m) => m[1]);

function withStaticImports(files) {
  const seen = new Set();
  const visit = (file) => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(dist + file, 'utf8');
    matches(text, /(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g).forEach((name) => visit(`assets/${name}`));
  };
  files.forEach(visit);
  return [...seen];
}

function firstScreen(page) {
  const html = readFileSync(dist + page, 'utf8');
  const scripts = withStaticImports(matches(html, /(?:src|href)="\/(assets\/[^"]+\.js)"/g));
  return { js: [...scripts, biggerLanguage(scripts)], css: matches(html, /href="\/(assets\/[^"]+\.css)"/g) };
}

/** The bigger of the language files that the scripts load; only one of them is loaded. */
function biggerLanguage(scripts) {
  const names = scripts.flatMap((file) =>
    matches(readFileSync(dist + file, 'utf8'), /["'`]\.\/((?:ru|en)-[\w-]+\.js)["'`]/g),
  );
  const files = [...new Set(names)].map((name) => `assets/${name}`);
  if (files.length !== 2) throw new Error(`expected two language files, found ${files.join(', ') || 'none'}`);
  return files.sort((a, b) => gzipBytes(b) - gzipBytes(a))[0];
}

const total = (files) => files.reduce((sum, file) => sum + gzipBytes(file), 0);

function report(label, page, budgetKilobytes, count) {
  const { js, css } = firstScreen(page);
  const bytes = count({ js, css });
  const verdict = bytes <= budgetKilobytes * kilobyte ? 'ok' : 'OVER';
  console.log(`${label}: ${(bytes / kilobyte).toFixed(1)} kB gzip of ${budgetKilobytes} kB  ${verdict}`);
  for (const file of [...js, ...css])
    console.log(`    ${(gzipBytes(file) / kilobyte).toFixed(1).padStart(6)}  ${file}`);
  return verdict === 'ok';
}

const results = [
  report('embed entry, JS', 'embed.html', 45, ({ js }) => total(js)),
  report('full app, first screen', 'index.html', 70, ({ js, css }) => total(js) + total(css)),
];
if (results.includes(false)) process.exit(1);
