// The runner loads this into a process before it sends it one browser test after the other (scripts/run-tests.ts): they share one
// Chromium, which runs until the runner lets go of the process.
import { findChromium } from './browser.ts';

const share = await findChromium(process.env['REEVE_CHROMIUM']).open();
process.once('disconnect', () => void share[Symbol.asyncDispose]());
