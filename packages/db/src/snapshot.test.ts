import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { openPglite } from './pglite.ts';
import { ensureSnapshot, restoreSnapshot } from './snapshot.ts';

const PROGRAM = `
  const { ensureSnapshot, restoreSnapshot } = await import(process.argv[1]);
  console.log('ready');
  if (process.argv[3]) await restoreSnapshot(process.argv[3]);
  else await ensureSnapshot(process.argv[2]);
`;
const run = (...args: string[]) =>
  spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, join(import.meta.dirname, 'snapshot.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });

describe('the snapshot of an empty database', () => {
  let directory: string;
  beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'reeve-snapshot-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is made by two processes at once without harm, and only where it is missing', { timeout: 120_000 }, async () => {
    const exits = await Promise.all([run(directory), run(directory)].map((child) => once(child, 'exit')));
    assert.deepEqual(exits, [
      [0, null],
      [0, null],
    ]);
    const made = readdirSync(directory);
    assert.equal(made.length, 1, made.join());
    assert.equal(await ensureSnapshot(directory), join(directory, made[0]!));
    await restoreSnapshot(join(directory, 'db'), directory);
    await assertWorks(join(directory, 'db'));
  });

  it('is restored once by several at the same time, with nothing left over', async () => {
    const path = join(directory, 'data/db');
    await Promise.all([restoreSnapshot(path), restoreSnapshot(path), restoreSnapshot(path)]);
    assert.deepEqual(readdirSync(join(directory, 'data')), ['db']);
    await assertWorks(path);
    await restoreSnapshot(path);
  });

  it('is restored whole or not at all, whenever the process is killed', { timeout: 60_000 }, async () => {
    await ensureSnapshot();
    for (const delayMs of [0, 5, 20, 60]) {
      const path = join(directory, `killed-${delayMs}/db`);
      const child = run('', path);
      await once(child.stdout!, 'data');
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      child.kill('SIGKILL');
      await once(child, 'exit');
      if (!existsSync(path)) await restoreSnapshot(path);
      await assertWorks(path);
    }
  });
});

async function assertWorks(path: string): Promise<void> {
  const database = await openPglite(path);
  try {
    assert.deepEqual(await database.db.selectFrom('tasks').select('id').execute(), []);
  } finally {
    await database[Symbol.asyncDispose]();
  }
}
