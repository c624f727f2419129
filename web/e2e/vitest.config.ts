import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// The real binary in a real browser: `make e2e`. Files run one after another, because promised times are measured;
// nothing is tried twice, so a failure is a failure.
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  test: {
    include: ['*.e2e.ts'],
    globalSetup: ['run/build.ts'],
    reporters: ['tree', fileURLToPath(new URL('run/closingLine.ts', import.meta.url))],
    fileParallelism: false,
    retry: 0,
    bail: 0,
    testTimeout: 60_000,
    hookTimeout: 90_000,
    teardownTimeout: 30_000,
  },
});
