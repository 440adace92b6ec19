import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { takeChromium } from './chromium.ts';

/** Chromium on this machine, or why there is none. */
export interface Chromium {
  /** What a skipped test says; false where Chromium is there. */
  readonly missing: string | false;
  /** Builds the console where it is stale; Chromium starts once a process, and each `open` has storage of its own. */
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

/** A loaded machine can keep the database from answering the health check in time: the page shows that, and it is no fault of the page. */
const DATABASE_LATE = /status of 503 \(Service Unavailable\) \S+\/health$/;

const SLOWDOWN = Number(process.env['REEVE_TEST_CPU_SLOWDOWN'] ?? 1);

/** How long the tests of one file may take together; more with REEVE_TEST_CPU_SLOWDOWN, which makes every page so many times slower. */
export const SUITE_MS = 280_000 * SLOWDOWN;

/** How long anything is waited for: a condition that comes late on a loaded machine is no fault. */
const PATIENCE_MS = 45_000 * Math.max(1, SLOWDOWN / 2);

/** How high every page is. */
export const HEIGHT = 860;
/** What pages may store. */
const STORED = 'cookies,local_storage,indexeddb,cache_storage,service_workers';

let built: Promise<void> | undefined;

/** Finds Chromium at `path`, or where a distribution puts it. */
export function findChromium(path = '/usr/bin/chromium'): Chromium {
  return {
    missing: existsSync(path) ? false : `no Chromium at ${path} (REEVE_CHROMIUM names another)`,
    open: async () => {
      await (built ??= buildConsole());
      return openBrowser(path);
    },
  };
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
  const { browser, release } = await takeChromium(executablePath);
  const contexts = new Set<BrowserContext>();
  let faults: string[] = [];

  function watch(page: Page, expected: RegExp | undefined): void {
    const note = (what: string): void => {
      if (![SERVER_ENDED, DATABASE_LATE, expected].some((known) => known?.test(what)))
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
    contexts.add(context);
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

  async function close(context: BrowserContext): Promise<void> {
    contexts.delete(context);
    await context.close();
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
      await Promise.all([...contexts].filter((context) => context !== kept).map(close));
      const settled = faults;
      faults = [];
      return settled;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...contexts].map(close));
      await release();
    },
  };
}
