import { readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ReeveError, settled, startWatching, type FileProblem, type Log } from '@reeve/kit';
import { parseTenants, type TenantSections } from './file.ts';

/*
 * The tenants file, as it was when it was last good.
 *
 *   absent ──appears──► good ──changes──► good
 *                       good ──broken, empty or gone──► stale (what was good still holds) ──mended──► good
 *
 * Editors write a file anew or put another one in its place, so its directory is watched and not the file. Since some file
 * systems tell nobody of changes, it is also looked at every few seconds. A file that is being written can look complete, so
 * one is read only after it has stayed the same for a moment.
 */

/** The tenants file. Disposing stops watching. */
export interface TenantsFile extends AsyncDisposable {
  readonly sections: TenantSections;
  /** Why the file as it is now does not hold; undefined where it does. Names no tenant, since anybody may see it. */
  readonly fault: string | undefined;
  readonly isAbsent: boolean;
}

export interface WatchOptions {
  readonly log: Log;
  /** Called after the sections have changed. */
  readonly changed: () => void;
  /** Longest time between two looks, in milliseconds. */
  readonly lookMs?: number;
}

const LOOK_MS = 5_000;

/** Reads and watches a tenants file; one that is absent holds nothing. Throws `invalid_request` with file and lines where it is broken. */
export function openTenantsFile(path: string, { log, changed, lookMs = LOOK_MS }: WatchOptions): TenantsFile {
  let seen = signOf(path);
  let sections = readTenantsFile(path);
  let fault: string | undefined;
  if (seen === ABSENT) log.warn({ file: path }, 'there is no tenants file; every tenant has the defaults');

  function spoil(told: string, problems: readonly FileProblem[]): void {
    fault = told;
    log.error(
      { file: path, problems: problems.map(({ line, message }) => `line ${line}: ${message}`) },
      `the tenants file does not hold (${told}); what it said before does`,
    );
  }

  async function look(signal: AbortSignal): Promise<void> {
    const sign = await settled(() => signOf(path), signal);
    if (sign === seen) return;
    const found = sign === ABSENT ? undefined : await readFile(path, 'utf8').catch(() => null);
    if (signOf(path) !== sign) return watching.soon();
    seen = sign;
    if (found === null) return spoil('it cannot be read', []);
    if (found === undefined) return spoil('it is gone', []);
    const { sections: read, problems } = parseTenants(found);
    if (problems.length > 0) return spoil(`it is broken in line ${problems[0]!.line}; the log says more`, problems);
    [sections, fault] = [read, undefined];
    log.info({ file: path, sections: sections.size }, 'the tenants file was read anew');
    changed();
  }

  const watching = startWatching({ directory: dirname(path), look, lookMs, what: 'the tenants file', log });
  return {
    get sections() {
      return sections;
    },
    get fault() {
      return fault;
    },
    get isAbsent() {
      return seen === ABSENT;
    },
    [Symbol.asyncDispose]: () => watching[Symbol.asyncDispose](),
  };
}

/** Reads a tenants file; one that is absent holds nothing. Throws `invalid_request` with every fault and its line where it is broken. */
export function readTenantsFile(path: string): TenantSections {
  const text = readText(path);
  if (text === undefined) return new Map();
  const { sections, problems } = parseTenants(text);
  if (problems.length === 0) return sections;
  const details = problems.map(({ line, message }) => ({
    path: 'REEVE_TENANTS_FILE',
    message: `${path}, line ${line}: ${message}`,
  }));
  throw new ReeveError('invalid_request', details.map(({ message }) => message).join('\n'), { details });
}

const ABSENT = 'absent';

/** What changes whenever a file does. */
function signOf(path: string): string {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found === undefined ? ABSENT : [found.ino, found.size, found.mtimeMs, found.ctimeMs].join(' ');
  } catch {
    return 'unreadable';
  }
}

/** Undefined where there is no such file. */
function readText(path: string): string | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false }) && readFileSync(path, 'utf8');
  } catch (error) {
    const message = `REEVE_TENANTS_FILE is ${JSON.stringify(path)}, but that file cannot be read`;
    throw new ReeveError('invalid_request', message, {
      cause: error,
      details: [{ path: 'REEVE_TENANTS_FILE', message }],
    });
  }
}
