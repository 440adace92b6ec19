// One Chromium for all files of a test process. It starts with its first user. Where the runner sends further files to this
// process it stays until the runner lets go of the process; elsewhere it ends with its last user.
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

/** Only a process that is sent its files has a channel to the runner. */
const isSentFiles = process.send !== undefined;

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
      if (users > 0 || isSentFiles) return;
      running = undefined;
      await browser.close();
    },
  };
}

async function launch(executablePath: string): Promise<Browser> {
  // The runner ends what outlives its process, and counts listeners of signals as traces.
  const signals = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false };
  const browser = await chromium.launch({ executablePath, args: ARGUMENTS, ...signals });
  if (isSentFiles) keep(browser);
  return browser;
}

/** Tells the runner that this is open on purpose, and closes it when the runner lets go of the process. */
function keep(browser: Browser): void {
  const name = Symbol.for('reeve.test.kept');
  const kept = (Reflect.get(globalThis, name) as unknown[] | undefined) ?? [];
  Reflect.set(globalThis, name, [...kept, browser]);
  process.once('disconnect', () => void browser.close());
}
