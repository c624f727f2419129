// Builds the site-chat widget: one classic script without dependencies, ../dist/widget/widget.js.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { ownMembers } from './mangle';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here('.'),
  publicDir: false,
  build: {
    target: 'es2020',
    // The style sheet is written for older browsers by hand; nothing is to be added to it.
    cssTarget: ['chrome123', 'firefox125', 'safari17.5'],
    rolldownOptions: { output: { minify: { mangleProps: { include: ownMembers } } } },
    outDir: here('../dist/widget'),
    emptyOutDir: true,
    lib: { entry: here('src/main.ts'), formats: ['iife'], name: 'SwitchboardChatWidget', fileName: () => 'widget.js' },
  },
  // The browser trial; the unit tests run with the rest of web/.
  test: { include: ['test/**/*.trial.ts'], testTimeout: 30_000, hookTimeout: 60_000, fileParallelism: false },
});
