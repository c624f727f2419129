import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Frame, Page } from 'playwright-core';
import { runFolder } from '../run/paths.ts';

export const sizes = {
  wide: { width: 1400, height: 900 },
  card: { width: 400, height: 640 },
  phone: { width: 390, height: 844 },
};
export type Size = keyof typeof sizes;
export type Theme = 'light' | 'dark';

/** Where pictures go: `SWITCHBOARD_PICTURES=docs/pictures make e2e` renews the committed ones. */
export function picturesFolder(): string {
  const folder = process.env.SWITCHBOARD_PICTURES ?? join(runFolder(), 'pictures');
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** The light theme is not named: chats-wide-en.png, chats-wide-dark-en.png. */
export function pictureName(screen: string, size: Size, theme: Theme, language: string): string {
  return [screen, size, ...(theme === 'dark' ? [theme] : []), language].join('-');
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  id: string;
  help: string;
  nodes: { target: unknown[]; html: string; failureSummary?: string }[];
}

/** What axe-core finds wrong in the page or the frame; one line per element. */
export async function accessibilityTroubles(place: Page | Frame): Promise<string[]> {
  await place.evaluate(axe);
  const found = (await place.evaluate(
    'axe.run(document, { resultTypes: ["violations"], iframes: false }).then((result) => result.violations)',
  )) as Violation[];
  return found.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${(node.failureSummary ?? '').replace(/\s+/g, ' ')}`),
  );
}

/** Ready to be looked at: pictures are there, nothing moves any more. */
export async function settle(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await document.fonts.ready;
    await Promise.all([...document.images].map((image) => image.complete || image.decode().catch(() => undefined)));
    await Promise.all(
      document
        .getAnimations()
        .filter((animation) => animation.effect?.getComputedTiming().iterations !== Infinity)
        .map((animation) => animation.finished.catch(() => undefined)),
    );
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  });
}

/** What is wider than its room: the page itself, or a part that would have to be scrolled sideways. */
export function tooWide(place: Page | Frame): Promise<string[]> {
  return place.evaluate(() => {
    const isWide = (element: Element) => {
      const { overflowX, textOverflow } = getComputedStyle(element);
      const scrolls = element === document.documentElement || overflowX !== 'visible';
      const isMeant = textOverflow === 'ellipsis' || element.matches('textarea, input, pre, .sr-only');
      return scrolls && !isMeant && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 40;
    };
    return [document.documentElement, ...document.body.querySelectorAll('*')]
      .filter(isWide)
      .map((element) => `${element.outerHTML.slice(0, 90)} is ${element.scrollWidth} wide in ${element.clientWidth}`);
  });
}
