import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { checkProse } from './check-prose.ts';

const config = JSON.stringify({
  compilerOptions: { target: 'esnext', module: 'nodenext', strict: true, noEmit: true, types: [] },
  include: ['packages/*/src/**/*.ts'],
});

test('reading the wording of events and errors is named with its line, and layout and tests are not', () => {
  const root = mkdtempSync(join(tmpdir(), 'reeve-prose-'));
  const write = (path: string, lines: readonly string[]) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), lines.join('\n'));
  };
  try {
    write('tsconfig.json', [config]);
    write('packages/a/src/reads.ts', [
      "export const isFirst = (event: { message: string }) => event.message === 'started';",
      "export const isNext = ({ message }: { message: string }) => message !== 'queued';",
      'export const renamed = (error: Error) => error.message.replace(`${1} ms`, `${2} ms`);',
      "export const listed = (error: Error) => ['a', 'b'].includes(error.message);",
      'function roleIn(refusal: string) {',
      '  return /you have/.exec(refusal);',
      '}',
      'export const role = (error: Error) => roleIn(error.message);',
      "export const excused = (error: Error) => error.message.startsWith('EPERM');",
    ]);
    write('packages/a/src/fine.ts', [
      'const [, second] = [1, 2];',
      "export const lines = (error: Error) => error.message.replaceAll('\\n', ' ') + second;",
      "export const isEmpty = (error: Error) => error.message === '';",
      "export const kind = (event: { message: 'a' | 'b' }) => event.message === 'a';",
    ]);
    write('packages/a/src/reads.test.ts', ["export const ok = (error: Error) => error.message === 'gone';"]);
    const path = 'packages/a/src/reads.ts';
    const breaches = checkProse(root, [
      { path, code: 'EPERM', reason: 'another program' },
      { path, code: 'ENOENT', reason: 'nothing any more' },
    ]);
    assert.deepEqual(
      breaches.map((breach) => breach.split(' ')[0]),
      [1, 2, 3, 4, 6, 1].map((line) => `${path}:${line}`),
    );
    assert.match(breaches.at(-1)!, /has an exception for what it does not do: ENOENT/);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
