import { execFile } from 'node:child_process';
import { readFile, rm, stat, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const script = join(import.meta.dirname, '../../../.ci/postgres.sh');

/** A PostgreSQL server of a test's own, which it may kill. */
export interface OwnPostgres extends AsyncDisposable {
  readonly url: string;
  /** The id of the user who runs it and has its files. */
  readonly user: string;
  /** Ends every connection in the middle of what it does, as a crash would, and starts the server again on the same data. */
  restart(): Promise<void>;
}

/** Starts one on a free port; disposing stops and removes it. */
export async function startPostgres(): Promise<OwnPostgres> {
  const directory = await mkdtemp(join(tmpdir(), 'reeve-postgres-'));
  const { stdout } = await run(script, ['start', directory]);
  const data = join(directory, 'data');
  const { uid, gid } = await stat(data);
  const [program] = (await readFile(join(data, 'postmaster.opts'), 'utf8')).split(' ');
  return {
    url: stdout.trim(),
    user: String(uid),
    async restart() {
      const control = join(program!, '../pg_ctl');
      const log = join(directory, 'log');
      const args = [`--pgdata=${data}`, `--log=${log}`, '--wait', '--timeout=60', '--mode=immediate', 'restart'];
      // PostgreSQL is run by whoever has its data, never by root. Its own output goes to its log, so nothing here waits for it.
      await run(control, args, { cwd: '/', ...(process.getuid?.() === 0 && { uid, gid }) });
    },
    async [Symbol.asyncDispose]() {
      await run(script, ['stop', directory]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
