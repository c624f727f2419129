// Builds the full app, the CRM frame's chat window and, where it exists, the site-chat widget into dist/.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const vite = `${here}node_modules/vite/bin/vite.js`;

function build(page, ...args) {
  const env = { ...process.env, ...(page ? { SWITCHBOARD_PAGE: page } : {}) };
  execFileSync(process.execPath, [vite, 'build', '--logLevel', 'warn', ...args], { cwd: here, stdio: 'inherit', env });
}

mkdirSync(`${here}dist`, { recursive: true });
for (const name of readdirSync(`${here}dist`)) {
  if (name !== '.keep') rmSync(`${here}dist/${name}`, { recursive: true });
}
writeFileSync(`${here}dist/.keep`, '');
build('index');
build('embed');
if (existsSync(`${here}widget/vite.config.ts`)) build(undefined, '-c', 'widget/vite.config.ts');
