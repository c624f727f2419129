// Builds the site-chat widget: one classic script without dependencies, ../dist/widget/widget.js.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here('.'),
  publicDir: false,
  build: {
    target: 'es2020',
    outDir: here('../dist/widget'),
    emptyOutDir: true,
    lib: { entry: here('src/main.ts'), formats: ['iife'], name: 'SwitchboardChatWidget', fileName: () => 'widget.js' },
  },
  // The browser trial; the unit tests run with the rest of web/.
  test: { include: ['test/**/*.trial.ts'], testTimeout: 30_000, hookTimeout: 60_000, fileParallelism: false },
});
