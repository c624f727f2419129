// Generates src/api/schema.gen.d.ts from ../api/app.yaml.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
execFileSync(
  process.execPath,
  [
    `${here}node_modules/openapi-typescript/bin/cli.js`,
    '../api/app.yaml',
    '-o',
    'src/api/schema.gen.d.ts',
    '--immutable',
  ],
  { cwd: here, stdio: 'inherit' },
);
