import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { lockDataDirectory, readHolder } from './lock.ts';

/** A process that locks and releases the directory as it is told, and answers `held`, why not, or `released`. */
const PROGRAM = `
  const { lockDataDirectory } = await import(process.argv[1]);
  const { createInterface } = await import('node:readline');
  let lock;
  console.log('ready');
  for await (const told of createInterface(process.stdin)) {
    try {
      if (told === 'release') lock?.[Symbol.dispose]();
      lock = told === 'lock' ? lockDataDirectory(process.argv[2], 'serve') : undefined;
      if (process.argv[3]) lock?.announce(process.argv[3]);
      console.log(told === 'lock' ? 'held' : 'released');
    } catch (error) {
      console.log(error.message);
    }
  }
`;

interface Other {
  readonly child: ChildProcess;
  tell(what: 'lock' | 'release'): Promise<string>;
}

describe('the lock of a data directory', () => {
  let directory: string;
  let children: ChildProcess[];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'reeve-lock-'));
    children = [];
  });
  afterEach(async () => {
    await Promise.all(children.map(kill));
    rmSync(directory, { recursive: true });
  });

  async function startOther(url = ''): Promise<Other> {
    const child = spawn(
      process.execPath,
      ['--input-type=module', '-e', PROGRAM, join(import.meta.dirname, 'lock.ts'), directory, url],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    children.push(child);
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const next = async () => String((await lines.next()).value);
    assert.equal(await next(), 'ready');
    return {
      child,
      tell(what) {
        child.stdin.write(`${what}\n`);
        return next();
      },
    };
  }

  it('refuses a second process and names the first and its address', async () => {
    const { child, tell } = await startOther('http://127.0.0.1:8080');
    assert.equal(await tell('lock'), 'held');
    assert.throws(() => lockDataDirectory(directory, 'run-once'), {
      reason: 'conflict',
      message: `the data directory ${directory} is in use by process ${child.pid} (reeve serve, http://127.0.0.1:8080); stop it first, or choose another with --data-dir`,
    });
    assert.equal(readHolder(directory)?.url, 'http://127.0.0.1:8080');
  });

  it('is free again when its holder lets go, and leaves nothing behind', () => {
    for (let i = 0; i < 2; i++) {
      using lock = lockDataDirectory(directory, 'serve');
      lock.announce('http://127.0.0.1:1');
      assert.throws(() => lockDataDirectory(directory, 'serve'), { reason: 'conflict' });
    }
    assert.equal(readHolder(directory), undefined);
    assert.deepEqual(readdirSync(directory), []);
  });

  it('is taken over from a process that was killed', async () => {
    const { child, tell } = await startOther();
    assert.equal(await tell('lock'), 'held');
    await kill(child);
    assert.equal(readHolder(directory), undefined);
    using _lock = lockDataDirectory(directory, 'serve');
    assert.equal(readHolder(directory)?.pid, process.pid);
  });

  it('is taken over where another process has got the pid, and where the file says nothing', () => {
    const path = join(directory, 'reeve.lock');
    for (const text of [
      JSON.stringify({ pid: process.pid, startedAt: '1', command: 'serve', url: null }),
      '',
      '{"pid":"x"}',
    ]) {
      writeFileSync(path, text);
      using _lock = lockDataDirectory(directory, 'serve');
      assert.equal(readHolder(directory)?.pid, process.pid, text);
    }
  });

  it('goes to exactly one of twenty processes that find it stale at once', { timeout: 120_000 }, async () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    const racers = await Promise.all(Array.from({ length: 20 }, () => startOther()));
    for (let round = 0; round < 20; round++) {
      writeFileSync(
        join(directory, 'reeve.lock'),
        JSON.stringify({ pid, startedAt: String(round), command: 'serve', url: null }),
      );
      const said = await Promise.all(racers.map(({ tell }) => tell('lock')));
      assert.equal(said.filter((answer) => answer === 'held').length, 1, said.join('\n'));
      assert.equal(readHolder(directory)?.pid, racers[said.indexOf('held')]!.child.pid);
      await Promise.all(racers.map(({ tell }) => tell('release')));
      assert.deepEqual(readdirSync(directory), []);
    }
  });
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
