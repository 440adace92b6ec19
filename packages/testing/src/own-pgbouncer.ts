import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { testDatabaseKind } from './database.ts';

const run = promisify(execFile);
const script = join(import.meta.dirname, '../../../.ci/pgbouncer.sh');

/** Whether PgBouncer is installed. */
export const hasPgBouncer = ['/usr/sbin', '/usr/bin'].some((directory) => existsSync(join(directory, 'pgbouncer')));

/** Why tests cannot have a PgBouncer here: what is missing; false where nothing is. */
export const noPgBouncer: string | false =
  testDatabaseKind === 'pglite'
    ? 'needs PostgreSQL (REEVE_TEST_DATABASE_URL)'
    : !hasPgBouncer && 'needs PgBouncer (Debian’s package pgbouncer)';

/** A PgBouncer of a test's own. */
export interface OwnPgBouncer extends AsyncDisposable {
  /** Leads through it to the database that it was started for; others are reached by their names. */
  readonly url: string;
}

/** Starts one on a free port in front of a PostgreSQL on this machine; disposing stops it. */
export async function startPgBouncer(
  url: string,
  mode: 'session' | 'transaction' | 'statement' = 'transaction',
): Promise<OwnPgBouncer> {
  const directory = await mkdtemp(join(tmpdir(), 'reeve-pgbouncer-'));
  const { stdout } = await run(script, ['start', directory, url, mode]);
  return {
    url: stdout.trim(),
    async [Symbol.asyncDispose]() {
      await run(script, ['stop', directory]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
