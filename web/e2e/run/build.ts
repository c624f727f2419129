import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binaryPath, root } from './paths.ts';

/** Builds the stand-ins once for all files, and takes everything away at the end. */
export default function build(): () => void {
  if (!existsSync(binaryPath)) throw new Error(`${binaryPath} is missing: run \`make build\` first`);
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-e2e-'));
  const botserver = join(folder, 'botserver');
  execFileSync('go', ['build', '-o', botserver, './faulttest/botserver'], { cwd: root, stdio: 'inherit' });
  process.env.SWITCHBOARD_E2E_FOLDER = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
