import assert from 'node:assert/strict';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { readHolder } from '@reeve/db/lock';
import { withoutTerminal } from '../test/process.ts';
import { useServedShell } from '../test/served-shell.ts';
import { createShell, type TestShell } from '../test/shell.ts';

const BIN = join(import.meta.dirname, '../bin/reeve');
/** Makes the command `version` fail as no code expects. */
const BROKEN = `
const { version } = process;
Object.defineProperty(process, 'version', {
  get() {
    if (new Error().stack.includes('commands/version.ts')) throw new TypeError('broken');
    return version;
  },
});`;

suite('the program in a process of its own', () => {
  let shell: TestShell;
  useServedShell((opened) => void (shell = opened));
  const running = async () => {
    const { stdout } = await shell.run(['runs', 'list', '--status', 'running']);
    return (JSON.parse(stdout) as { runs: { id: string }[] }).runs.length;
  };

  test('prints the answer alone on stdout, and ends with 0', async () => {
    const ran = await shell.run(['run', '-'], { process: true, input: 'What is 6 * 7?' });
    assert.deepEqual(ran, { code: 0, stdout: '6 * 7 = 42.\n', stderr: '' });
  });

  test('bin/reeve runs it through a link from another directory', async () => {
    const link = join(shell.directory, 'reeve');
    await symlink(BIN, link);
    const command = shell.startProcess(['zzz'], { program: [link] });
    const { code, stdout, stderr } = await command.ended;
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^reeve: unknown command 'zzz'/);
  });

  test('shows tables and progress at a terminal', { skip: withoutTerminal }, async () => {
    const { code, stdout } = await shell.run(['run', 'What is 6 * 7?'], { process: true, terminal: true });
    assert.equal(code, 0, stdout);
    assert.match(stdout, /→ calculator/);
    assert.match(stdout, /6 \* 7 = 42\./);
    assert.match(stdout, /steps · /);
  });

  for (const [signal, exit] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    test(`${signal} cancels the run that it follows, and ends it with ${exit}`, async () => {
      const run = shell.startProcess(['run', 'run this command: sleep 20', '--json']);
      while ((await running()) === 0);
      run.signal(signal);
      const { code, stdout } = await run.ended;
      assert.equal(code, exit);
      assert.equal((JSON.parse(stdout) as { status: string }).status, 'cancelled');
    });

  test('ends with 0 where the reader of its output has gone', async () => {
    const watching = shell.startProcess(['tasks', 'watch']);
    const made = ['create-task', '--agent', 'assistant', '--type', 'sum', '--title', 'What is 1 + 1?'];
    let follows = false;
    const printed = watching.printed('task_created').then(() => (follows = true));
    while (!follows) await Promise.race([printed, shell.run(made)]);
    watching.closeOutput();
    let ended = false;
    const over = watching.ended.finally(() => (ended = true));
    while (!ended) await Promise.race([over, shell.run(made)]);
    assert.equal((await over).code, 0);
  });

  test('a failure that nobody expects is one line and 1; with LOG_LEVEL=debug its stack', async () => {
    const preload = join(shell.directory, 'broken.mjs');
    await writeFile(preload, BROKEN);
    const files = { NODE_OPTIONS: `--import=${preload}` };
    const plain = await shell.run(['version'], { process: true, environment: files });
    assert.deepEqual([plain.code, plain.stdout, plain.stderr], [1, '', 'reeve: broken\n']);
    const debugged = await shell.run(['version'], {
      process: true,
      environment: { ...files, LOG_LEVEL: 'debug' },
    });
    assert.equal(debugged.code, 1);
    assert.match(debugged.stderr, /^reeve: TypeError: broken\n.* at /s);
  });
});

test('a second SIGINT ends a server that is stopping at once, and frees the data directory', async () => {
  await using shell = await createShell();
  const server = shell.startProcess(['serve']);
  await server.printed('Reeve listens on');
  // It looks for its lost server until the shell ends it.
  shell.startProcess(['run', 'run this command: sleep 60', '--json']);
  for (;;) {
    const { stdout } = await shell.run(['runs', 'list', '--status', 'running']);
    if ((JSON.parse(stdout) as { runs: unknown[] }).runs.length > 0) break;
  }
  server.signal('SIGINT');
  await server.printed('stopping');
  server.signal('SIGINT');
  assert.equal((await server.ended).code, 130);
  assert.equal(readHolder(shell.dataDirectory), undefined);
});
