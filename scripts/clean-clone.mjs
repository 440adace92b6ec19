// What a new user does, from nothing: clones this repository's last commit into a temporary directory, runs `npm start`
// there with a bare environment, sends one task, stops the server, and removes it all. Prints one line a step.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const readyLimitMs = 300_000;
const stopLimitMs = 15_000;
const directory = mkdtempSync(join(tmpdir(), 'reeve-clone-'));
const clone = join(directory, 'reeve');
let server;
let output = '';

process.on('exit', cleanUp);
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

try {
  await main();
} catch (error) {
  console.error(`clean clone: ${error.message}\n${output.replace(/^/gm, '  ')}`);
  process.exit(1);
}

async function main() {
  const cloned = spawnSync('git', ['clone', '--quiet', root, clone], { stdio: 'inherit' });
  if (cloned.status !== 0) throw new Error('git clone failed');
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const begun = performance.now();
  server = startServer(port);
  const ended = new Promise((done) => server.on('exit', (code, signal) => done({ code, signal })));
  await waitForReady(address, ended);
  console.log(`clean clone: ready after ${seconds(begun)} s`);

  const answer = await fetch(`${address}/execute`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ task: 'What is 6*7?' }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await answer.text();
  if (answer.status !== 200 || !text.includes('42')) throw new Error(`/execute answered ${answer.status}: ${text}`);
  console.log('clean clone: /execute answered 42');

  const asked = performance.now();
  process.kill(findStarter(), 'SIGTERM');
  const end = await within(stopLimitMs, ended, `still running ${stopLimitMs / 1000} s after SIGTERM`);
  if (end.code !== 0) throw new Error(`ended with ${end.signal ?? `code ${end.code}`} after SIGTERM, not with 0`);
  console.log(`clean clone: stopped in ${seconds(asked)} s`);
}

function startServer(port) {
  const bare = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'SystemRoot'].filter((name) => process.env[name] !== undefined);
  const child = spawn('npm', ['start', '--', '--port', String(port)], {
    cwd: clone,
    env: Object.fromEntries(bare.map((name) => [name, process.env[name]])),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  child.on('error', (error) => (output += `npm cannot be started: ${error.message}\n`));
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  }
  return child;
}

async function waitForReady(address, ended) {
  let isOver = false;
  void ended.then(() => (isOver = true));
  for (const begun = performance.now(); ; await new Promise((done) => setTimeout(done, 200))) {
    if (isOver) throw new Error('npm start ended before the server was ready');
    const ready = await fetch(`${address}/readyz`, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
    await ready?.body?.cancel();
    if (ready?.status === 200) return;
    if (performance.now() - begun > readyLimitMs) throw new Error(`not ready after ${readyLimitMs / 1000} s`);
  }
}

// scripts/start.mjs, which npm runs in a shell. A signal to npm itself ends in that shell where it is dash, and npm then
// ends with the signal whatever the server does.
function findStarter() {
  if (process.platform !== 'linux') return server.pid;
  const starter = readdirSync('/proc').find((pid) => {
    try {
      const [program, script] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const group = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[2];
      return program.endsWith('node') && script === 'scripts/start.mjs' && group === String(server.pid);
    } catch {
      return false;
    }
  });
  if (starter === undefined) throw new Error('scripts/start.mjs is not running');
  return Number(starter);
}

function within(limitMs, promise, message) {
  let timer;
  const limit = new Promise((_, failed) => {
    timer = setTimeout(() => failed(new Error(message)), limitMs);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

function freePort() {
  return new Promise((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });
}

// npm leads a process group of its own, so that nothing of it stays when a step has failed.
function cleanUp() {
  try {
    if (server?.pid) process.kill(-server.pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}

function seconds(begun) {
  return ((performance.now() - begun) / 1000).toFixed(1);
}
