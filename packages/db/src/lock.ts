import { randomBytes } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ReeveError } from '@reeve/kit';

/** Who has the data directory: what the lock file says. */
export interface Holder {
  readonly pid: number;
  /** When that process began, in the kernel's count, so that a reused pid is told apart; null where unknown. */
  readonly startedAt: string | null;
  readonly command: string;
  /** Where its server listens; null until it does, and for the command line. */
  readonly url: string | null;
}

export interface DataLock extends Disposable {
  /** Writes into the lock where the server can be reached. */
  announce(url: string): void;
}

const FILE = 'reeve.lock';

/**
 * Takes the data directory for this process, since two processes on one embedded database destroy it. Fails with
 * `conflict`, naming the holder, while another living process has it; the lock of a dead one is taken over.
 */
export function lockDataDirectory(directory: string, command: string): DataLock {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, FILE);
  const mine: Holder = { pid: process.pid, startedAt: processStart(process.pid), command, url: null };
  for (let tries = 0; ; tries++) {
    if (create(path, mine)) break;
    const holder = readHolder(directory);
    if (holder !== undefined || tries > 20) throw held(directory, holder);
    removeStale(path);
  }
  return {
    announce(url) {
      const draft = `${path}.${randomBytes(6).toString('hex')}`;
      writeFileSync(draft, JSON.stringify({ ...mine, url }), { mode: 0o600 });
      renameSync(draft, path);
    },
    [Symbol.dispose]() {
      if (parse(path)?.pid === process.pid) rmSync(path, { force: true });
    },
  };
}

/** The living process that has the data directory, if any. */
export function readHolder(directory: string): Holder | undefined {
  const holder = parse(join(directory, FILE));
  return holder !== undefined && isAlive(holder) ? holder : undefined;
}

/** The file appears with its content in one step: a link to a finished draft. */
function create(path: string, holder: Holder): boolean {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, JSON.stringify(holder), { mode: 0o600 });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Moves a dead holder's file away; had another process just replaced it by its own, that one is put back. */
function removeStale(path: string): void {
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = parse(aside);
  if (moved !== undefined && isAlive(moved)) {
    chmodSync(aside, 0o600);
    linkSync(aside, path);
  }
  rmSync(aside, { force: true });
}

function held(directory: string, holder: Holder | undefined): ReeveError {
  const who = holder === undefined ? 'another process' : `process ${holder.pid} (reeve ${holder.command}${holder.url === null ? '' : `, ${holder.url}`})`;
  return new ReeveError('conflict', `the data directory ${directory} is in use by ${who}; stop it first, or choose another with --data-dir`);
}

function parse(path: string): Holder | undefined {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Holder;
    return Number.isInteger(holder.pid) ? holder : undefined;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, startedAt }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = processStart(pid);
  return startedAt === null || now === null || now === startedAt;
}

/** Field 22 of /proc/<pid>/stat: clock ticks since boot. */
function processStart(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
