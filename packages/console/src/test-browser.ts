import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type Axe from 'axe-core';
import { chromium, type BrowserContext, type Page } from 'playwright-core';

/** Chromium on this machine, or why there is none. */
export interface Chromium {
  /** What a skipped test says; false where Chromium is there. */
  readonly missing: string | false;
  /** Builds the console where it is stale and starts Chromium with an empty profile. */
  open(): Promise<TestBrowser>;
}

export interface VisitOptions {
  readonly width?: number;
  readonly scheme?: 'light' | 'dark';
  /** Shares cookies and storage with this page, as a second tab does. */
  readonly besides?: Page;
  /** What the page may say on its console: failures that the test causes. */
  readonly expected?: RegExp;
}

/** A browser whose pages are watched: what they report is a fault unless it was expected. */
export interface TestBrowser extends AsyncDisposable {
  visit(url: string, options?: VisitOptions): Promise<Page>;
  /** Console errors and warnings, uncaught errors and content policy violations since the last call; closes every page. */
  settle(): Promise<string[]>;
}

/** What Chromium itself prints where a server is gone, also while the page asks for more of its code. */
export const SERVER_GONE = /net::ERR_|Failed to fetch dynamically imported module/;

/** A test's server ends before its page does, which may be asking just then: that is no fault of the page. */
const SERVER_ENDED = /net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING)/;

// oxlint-disable-next-line node/no-process-env -- a switch of the tests, read by no program
const SLOWDOWN = Number(process.env['REEVE_TEST_CPU_SLOWDOWN'] ?? 1);

/** How long the tests of one file may take together; more with REEVE_TEST_CPU_SLOWDOWN, which makes every page so many times slower. */
export const SUITE_MS = 280_000 * SLOWDOWN;

/** How long anything is waited for: a condition that comes late on a loaded machine is no fault. */
const PATIENCE_MS = 45_000 * Math.max(1, SLOWDOWN / 2);

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** What pages may store. */
const STORED = 'cookies,local_storage,indexeddb,cache_storage,service_workers';
const AXE_RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** Finds Chromium at `path`, or where a distribution puts it. */
export function findChromium(path = '/usr/bin/chromium'): Chromium {
  return {
    missing: existsSync(path) ? false : `no Chromium at ${path} (REEVE_CHROMIUM names another)`,
    open: async () => {
      await buildConsole();
      return openBrowser(path);
    },
  };
}

/** Waits until a dialog has the focus: before that it does not hear a key. */
export async function focusInDialog(page: Page): Promise<void> {
  await page.waitForFunction(() => document.activeElement?.closest('[role="dialog"]') != null);
}

/** Types what is looked for into a field that says so in the address, and asks. */
export async function ask(page: Page, label: string, text: string): Promise<void> {
  await page.getByRole('searchbox', { name: label, exact: true }).fill(text);
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => url.searchParams.get('ask') === text);
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
    const { violations } = await axe.run(document, { runOnly: rules });
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
const HEIGHT = 860;

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
    await page.goto(url + path);
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

/** Builds the console where it is stale. */
export async function buildConsole(): Promise<void> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../../scripts/prepare.ts')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error('the console could not be built');
}

async function openBrowser(executablePath: string): Promise<TestBrowser> {
  const browser = await chromium.launch({ executablePath, args: ARGUMENTS });
  let faults: string[] = [];

  function watch(page: Page, expected: RegExp | undefined): void {
    const note = (what: string): void => {
      if (!SERVER_ENDED.test(what) && expected?.test(what) !== true)
        faults.push(`${new URL(page.url()).pathname}: ${what}`);
    };
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type()))
        note(`${message.type()}: ${message.text()} ${message.location().url}`);
    });
    page.on('pageerror', (error) => note(`uncaught: ${error.stack ?? error.message}`));
  }

  /** The first visit of each test has this one, whose cache knows the console's code; further ones have their own. */
  let kept: BrowserContext | undefined;
  let isKeptTaken = false;

  async function takeContext(): Promise<BrowserContext> {
    if (isKeptTaken) return openContext();
    isKeptTaken = true;
    return (kept ??= await openContext());
  }

  /** Closes the pages of the kept context, and forgets what they have stored. */
  async function emptyKept(): Promise<void> {
    for (const page of kept?.pages() ?? []) {
      const devtools = await page.context().newCDPSession(page);
      const { origin } = new URL(page.url());
      if (origin !== 'null') await devtools.send('Storage.clearDataForOrigin', { origin, storageTypes: STORED });
      await page.close();
    }
    await kept?.clearCookies();
    isKeptTaken = false;
  }

  async function openContext(): Promise<BrowserContext> {
    const context = await browser.newContext();
    context.setDefaultTimeout(PATIENCE_MS);
    await context.exposeFunction('reportViolation', (what: string) => void faults.push(`content policy: ${what}`));
    await context.addInitScript(() => {
      const { reportViolation } = globalThis as unknown as { reportViolation(what: string): void };
      addEventListener('securitypolicyviolation', (event) =>
        reportViolation(
          `${event.violatedDirective} ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}:${event.columnNumber}`,
        ),
      );
    });
    return context;
  }

  return {
    async visit(url, options = {}) {
      const { besides, width = 1280, scheme = 'light', expected } = options;
      const context = besides?.context() ?? (await takeContext());
      const page = await context.newPage();
      await page.setViewportSize({ width, height: HEIGHT });
      await page.emulateMedia({ colorScheme: scheme });
      watch(page, expected);
      if (SLOWDOWN > 1) {
        const devtools = await context.newCDPSession(page);
        await devtools.send('Emulation.setCPUThrottlingRate', { rate: SLOWDOWN });
      }
      await page.goto(url);
      return page;
    },
    async settle() {
      await emptyKept();
      const others = browser.contexts().filter((context) => context !== kept);
      await Promise.all(others.map((context) => context.close()));
      const settled = faults;
      faults = [];
      return settled;
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}
