import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** This program's version. */
export const version: string = (
  JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as { version: string }
).version;

/** The commit it runs from, `unknown` outside a checkout. Read from git's files: starting git costs more than starting Reeve. */
export const commit: string = readCommit(join(import.meta.dirname, '../../..'));

function readCommit(root: string): string {
  try {
    const head = readFileSync(join(root, '.git/HEAD'), 'utf8').trim();
    const ref = /^ref: (.+)$/.exec(head)?.[1];
    if (ref === undefined) return head.slice(0, 12);
    return readFileSync(join(root, '.git', ref), 'utf8')
      .trim()
      .slice(0, 12);
  } catch {
    return 'unknown';
  }
}
