import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's folder. */
export const root = fileURLToPath(new URL('../../..', import.meta.url));

export const binaryPath = process.env.SWITCHBOARD_BINARY ?? join(root, 'bin', 'switchboard');

/** A folder of this run; deleted at its end. */
export function freshFolder(name: string): string {
  return mkdtempSync(join(runFolder(), `${name}-`));
}

export function runFolder(): string {
  const folder = process.env.SWITCHBOARD_E2E_FOLDER;
  if (!folder) throw new Error('run through `make e2e`');
  return folder;
}
