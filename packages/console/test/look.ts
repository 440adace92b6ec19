import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type Axe from 'axe-core';
import type { Page } from 'playwright-core';
import { HEIGHT, type TestBrowser } from './browser.ts';

const AXE_RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** An address and what is done there before it is looked at. */
export type Place = readonly [path: string, act?: (page: Page) => Promise<unknown>];

/**
 * How each place is looked at, in this order, without loading it again. What colors there are does not depend on the width, nor
 * who can use the page in between on its colors: the rules are tried wide and dark, and narrow and light.
 */
const LOOKS = [
  { width: 1280, scheme: 'dark', rules: true },
  { width: 900, scheme: 'light', rules: false },
  { width: 400, scheme: 'light', rules: true },
] as const;

/** The barriers of some places at each width that the console is made for; with `pictures`, keeps a picture of each look there. */
export async function lookAtPlaces(
  browser: TestBrowser,
  url: string,
  places: Readonly<Record<string, Place>>,
  pictures: string | undefined,
): Promise<string[]> {
  const barriers: string[] = [];
  if (pictures !== undefined) await mkdir(pictures, { recursive: true });
  const page = await browser.visit(url, { expected: /status of (400|404|409)/ });
  for (const [name, [path, act]] of Object.entries(places)) {
    await page.emulateMedia({ colorScheme: LOOKS[0].scheme });
    await page.setViewportSize({ width: LOOKS[0].width, height: HEIGHT });
    await enter(page, url, path);
    await act?.(page);
    // What the pointer was last over may still tell what it is.
    await page.mouse.move(0, 0);
    await page.waitForFunction(() => document.querySelector('[role="tooltip"]') === null);
    for (const { width, scheme, rules } of LOOKS) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height: HEIGHT });
      await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
      const found = [...(rules ? await findBarriers(page) : []), ...(await findOverflow(page))];
      barriers.push(...found.map((barrier) => `${name}, ${width} px, ${scheme}: ${barrier}`));
      if (pictures !== undefined) await page.screenshot({ path: `${pictures}/${name}-${scheme}-${width}.png` });
    }
  }
  return barriers;
}

/** A page of the console that asks nothing of the server. */
const NEUTRAL = '/sign-in';

/**
 * Goes to an address without loading the console again, by way of a page that has nothing in common with it, so that each place is
 * drawn anew. Loads it again only where something of the place before stays open above every page.
 */
async function enter(page: Page, url: string, path: string): Promise<void> {
  const go = (to: string) => page.evaluate((address) => history.pushState(null, '', address), to);
  const neutral = page.getByRole('heading', { name: 'Sign in', exact: true });
  await go(NEUTRAL);
  await neutral.waitFor();
  const staysOpen = await page.evaluate(
    () => document.querySelector('[role="dialog"], [role="menu"], [role="alert"]') !== null,
  );
  if (staysOpen) await page.goto(url + path);
  else await go(path);
  if (path !== NEUTRAL) await neutral.waitFor({ state: 'detached' });
}

/** What accessibility rules the page breaks, each with the elements that do. */
async function findBarriers(page: Page): Promise<string[]> {
  await page.evaluate(async () => {
    const ending = document
      .getAnimations()
      .filter((animation) => animation.effect?.getComputedTiming().iterations !== Infinity);
    await Promise.allSettled(ending.map((animation) => animation.finished));
  });
  // What is evaluated is not subject to the page's content policy, which stays in force.
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(await readFile(axePath, 'utf8'));
  return page.evaluate(async (rules) => {
    const { axe } = globalThis as unknown as { axe: typeof Axe };
    const { violations } = await axe.run(document, { runOnly: rules, resultTypes: ['violations'], preload: false });
    return violations.map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .slice(0, 4)
          .map((node) => `${node.target.join(' ')} (${node.failureSummary})`)
          .join(', ')}`,
    );
  }, AXE_RULES);
}

/** How much wider than its window the page is. */
async function findOverflow(page: Page): Promise<string[]> {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  return over > 0 ? [`the page is ${over} px wider than its window`] : [];
}
