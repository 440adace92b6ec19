import { createHash, randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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
  if (!acquire(path, mine)) throw held(directory, readHolder(directory));
  return {
    announce(url) {
      renameSync(write(path, { ...mine, url }), path);
    },
    [Symbol.dispose]() {
      if (parse(read(path))?.pid === process.pid) rmSync(path, { force: true });
    },
  };
}

/** The living process that has the data directory, if any. */
export function readHolder(directory: string): Holder | undefined {
  const holder = parse(read(join(directory, FILE)));
  return holder !== undefined && isAlive(holder) ? holder : undefined;
}

/**
 * Makes the file ours unless a living process has it, and answers whether it is. Only who holds the guard of a dead
 * holder's file, a lock of its own named for the content, may replace it: else one that was slow to act on what it read
 * would replace the file of another that came between.
 */
function acquire(path: string, mine: Holder): boolean {
  for (;;) {
    if (create(path, mine)) return true;
    const found = read(path);
    if (found === undefined) continue;
    const holder = parse(found);
    if (holder !== undefined && isAlive(holder)) return false;
    const guard = `${path}.${createHash('sha256').update(found).digest('hex').slice(0, 12)}`;
    if (!acquire(guard, mine)) return false;
    try {
      if (read(path) !== found) continue;
      renameSync(write(path, mine), path);
      return true;
    } finally {
      rmSync(guard, { force: true });
    }
  }
}

/** The file appears with its content in one step: a link to a finished draft. */
function create(path: string, holder: Holder): boolean {
  const draft = write(path, holder);
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

/** Writes a draft beside the path and answers where it is. */
function write(path: string, holder: Holder): string {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, JSON.stringify(holder), { mode: 0o600 });
  return draft;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function held(directory: string, holder: Holder | undefined): ReeveError {
  const who =
    holder === undefined
      ? 'another process'
      : `process ${holder.pid} (reeve ${holder.command}${holder.url === null ? '' : `, ${holder.url}`})`;
  return new ReeveError(
    'conflict',
    `the data directory ${directory} is in use by ${who}; stop it first, or choose another with --data-dir`,
  );
}

/** What a lock file says; undefined where it says nothing, as after a loss of power. */
function parse(text: string | undefined): Holder | undefined {
  try {
    const holder = JSON.parse(text ?? '') as Holder;
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
