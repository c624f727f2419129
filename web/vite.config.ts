import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { isChatText } from './src/i18n/chatTexts.ts';

// The full app (index.html) and the chat window in a CRM frame (embed.html) are built apart, so that the frame loads
// nothing that only the settings need. dist is emptied by build.mjs, because the widget is built into it as well.
const page = process.env.SWITCHBOARD_PAGE;

export default defineConfig({
  plugins: [...(page === 'embed' ? [chatTextsOnly()] : []), svelte()],
  publicDir: page === 'embed' ? false : 'public',
  build: {
    target: ['chrome123', 'firefox125', 'safari17.5'],
    emptyOutDir: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: page ? [`${page}.html`] : ['index.html', 'embed.html'],
      output: page ? { codeSplitting: { groups: [{ name: 'core', test: isCore, entriesAware: false }] } } : {},
    },
  },
  server: {
    proxy: { '/api': process.env.SWITCHBOARD_URL ?? 'http://127.0.0.1:8787' },
  },
  resolve: process.env.VITEST ? { conditions: ['browser'] } : {},
  test: {
    include: ['src/**/*.test.ts', 'widget/**/*.test.ts'],
  },
});

/** What every screen needs is one file: it packs better than many. What is seen later comes later. */
function isCore(id: string): boolean {
  const later =
    /\/src\/(settings|channels|employees|sign)\/|\/(ClientPanel|CopyField|Switch|MediaView|Sound|Film|Picture|mediaURL|WhyView)\.svelte|\.json$/;
  return !later.test(id);
}

function chatTextsOnly(): Plugin {
  return {
    name: 'chat-texts-only',
    enforce: 'pre',
    transform(code, id) {
      if (!/\/i18n\/(ru|en)\.json$/.test(id)) return undefined;
      const words = Object.entries(JSON.parse(code) as object).filter(([key]) => isChatText(key));
      return { code: JSON.stringify(Object.fromEntries(words)), map: null };
    },
  };
}
