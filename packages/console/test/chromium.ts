// One Chromium for all tests of a process: it starts with its first user and ends with its last.
import { chromium, type Browser } from 'playwright-core';

/** A user's share of Chromium. */
interface Share {
  readonly browser: Browser;
  release(): Promise<void>;
}

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let running: Promise<Browser> | undefined;
let users = 0;

/** Starts Chromium at this path, or joins the one that runs; users close the contexts that they opened. */
export async function takeChromium(executablePath: string): Promise<Share> {
  users += 1;
  const browser = await (running ??= launch(executablePath));
  return {
    browser,
    async release() {
      users -= 1;
      if (users === 0) await browser.close();
    },
  };
}

async function launch(executablePath: string): Promise<Browser> {
  // In a locale without UTF-8, a download loses a name that is not ASCII.
  const env = { ...process.env, LC_ALL: 'C.UTF-8' };
  const browser = await chromium.launch({ executablePath, args: ARGUMENTS, env });
  // Closed, or crashed: the next user starts another.
  browser.once('disconnected', () => (running = undefined));
  return browser;
}
