import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';

// A server that says what it was given, counts signals, and takes a moment to shut down.
const server = `
let signals = 0;
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {
  process.stdout.write(signal + ' ' + (signals += 1) + '\\n');
  setTimeout(() => process.exit(0), 700);
});
process.stdout.write('args ' + process.argv.slice(2).join(' ') + '\\n');
if (process.argv.includes('--fail')) process.exit(3);
setTimeout(() => process.exit(9), 20_000);
`;

const lockfile = JSON.stringify({ packages: { '': {}, 'node_modules/one': { version: '1.0.0' } } });

/** A repository of the start scripts, a server, and dependencies that are installed unless `isInstalled` is false. */
function makeRepository(t: TestContext, { isInstalled = true } = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'reeve-start-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const name of ['start.mjs', 'toolchain.mjs'])
    cpSync(join(import.meta.dirname, name), join(root, 'scripts', name));
  write(join(root, 'scripts/prepare.ts'), '');
  write(join(root, 'packages/cli/src/main.ts'), server);
  write(join(root, 'package-lock.json'), lockfile);
  write(join(root, 'package.json'), '{"type": "module"}');
  if (isInstalled) write(join(root, 'node_modules/.reeve-lock'), createHash('sha256').update(lockfile).digest('hex'));
  return root;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

interface Started {
  child: ChildProcess;
  said(text: string): Promise<void>;
  ended: Promise<string>;
}

function start(command: string, args: string[], root: string, env: NodeJS.ProcessEnv = {}): Started {
  const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      for (const listener of listeners) listener();
    });
  }
  const said = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const listener = (): void => {
        if (output.includes(text)) resolve();
      };
      listeners.add(listener);
      listener();
    });
  const ended = new Promise<string>((resolve) =>
    child.on('close', (code, signal) => resolve(`${output}${signal ?? `code ${code}`}`)),
  );
  return { child, said, ended };
}

const run = (root: string, args: string[] = [], env: NodeJS.ProcessEnv = {}): Started =>
  start(process.execPath, ['scripts/start.mjs', ...args], root, env);

test('arguments reach the server and its exit code comes back', async (t) => {
  const { ended } = run(makeRepository(t), ['--port', '7', '--fail']);
  assert.equal(await ended, 'args serve --port 7 --fail\ncode 3');
});

test('SIGTERM and SIGINT reach a server without a terminal once, and it ends in its own time', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const { child, said, ended } = run(makeRepository(t));
    await said('args');
    child.kill(signal);
    assert.equal(await ended, `args serve\n${signal} 1\ncode 0`);
  }
});

test('a server whose npm was ended without it stops too', async (t) => {
  const root = makeRepository(t);
  const shell = start('/bin/sh', ['-c', `"${process.execPath}" scripts/start.mjs; true`], root, {
    npm_lifecycle_event: 'start',
  });
  await shell.said('args');
  shell.child.kill('SIGKILL');
  assert.equal(await shell.ended, 'args serve\nSIGTERM 1\nSIGKILL');
});

// In the place of npm: notes that it was called, takes a moment, and leaves what npm leaves.
const npm = `
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
appendFileSync('calls', process.argv.slice(2).join(' ') + '\\n');
if (process.env.NPM_FAILS) { process.stderr.write('npm error broken\\n'); process.exit(7); }
await new Promise((done) => setTimeout(done, 500));
mkdirSync('node_modules', { recursive: true });
writeFileSync('node_modules/.package-lock.json', ${JSON.stringify(lockfile)});
`;

function useNpm(root: string): NodeJS.ProcessEnv {
  write(join(root, 'bin/npm-cli.js'), npm);
  return { npm_execpath: join(root, 'bin/npm-cli.js') };
}

const calls = (root: string): number => readFileSync(join(root, 'calls'), 'utf8').trim().split('\n').length;

test('of two starts at once one installs, and a third installs nothing', async (t) => {
  const root = makeRepository(t, { isInstalled: false });
  const env = useNpm(root);
  const texts = await Promise.all([run(root, ['--fail'], env).ended, run(root, ['--fail'], env).ended]);
  assert.equal(texts.filter((text) => text.includes('first run, installing')).length, 1);
  assert.ok(texts.every((text) => text.endsWith('code 3')));
  assert.equal(await run(root, ['--fail'], env).ended, 'args serve --fail\ncode 3');
  assert.equal(calls(root), 1);
});

test('dependencies that npm installed by hand are not installed again until the lockfile changes', async (t) => {
  const root = makeRepository(t, { isInstalled: false });
  const env = useNpm(root);
  write(join(root, 'node_modules/.package-lock.json'), lockfile);
  assert.equal(await run(root, ['--fail'], env).ended, 'args serve --fail\ncode 3');
  write(join(root, 'package-lock.json'), lockfile.replace('1.0.0', '1.0.1'));
  assert.match(await run(root, ['--fail'], env).ended, /the dependencies have changed, installing/);
  assert.equal(calls(root), 1);
});

test('the lock of an install that died is taken over', async (t) => {
  const root = makeRepository(t, { isInstalled: false });
  const dead = spawn(process.execPath, ['-e', '']);
  await new Promise((resolve) => dead.on('exit', resolve));
  write(join(root, '.install.lock'), `${dead.pid} 1`);
  assert.match(await run(root, ['--fail'], useNpm(root)).ended, /code 3$/);
});

test('a failed install shows what npm said and ends with its code', async (t) => {
  const root = makeRepository(t, { isInstalled: false });
  const text = await run(root, [], { ...useNpm(root), NPM_FAILS: '1' }).ended;
  assert.match(text, /npm error broken\ncode 7$/);
});
