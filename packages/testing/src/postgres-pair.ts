import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const script = join(import.meta.dirname, '../../../.ci/postgres-pair.sh');

/** Whether HAProxy is installed, which stands in front of the pair. */
export const hasHaproxy = ['/usr/sbin', '/usr/bin'].some((directory) => existsSync(join(directory, 'haproxy')));

/** A primary and its synchronous standby behind one address. */
export interface PostgresPair extends AsyncDisposable {
  readonly url: string;
  /** Kills the primary with SIGKILL, and resolves when the standby has been made the primary, a second later. */
  fail(): Promise<void>;
}

/** Starts both on free ports; disposing stops and removes them. */
export async function startPostgresPair(): Promise<PostgresPair> {
  const directory = await mkdtemp(join(tmpdir(), 'reeve-pair-'));
  const { stdout } = await run(script, ['start', directory]);
  return {
    url: stdout.trim(),
    async fail() {
      await run(script, ['fail', directory]);
    },
    async [Symbol.asyncDispose]() {
      await run(script, ['stop', directory]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
