import { openSync, writeSync } from 'node:fs';
import { openDatabase } from '@reeve/db';
import { ReeveError, silentLog, sleep } from '@reeve/kit';
import { expireLeases, startWorker, type Claim, type TaskHandler } from '@reeve/tasks';
import type { QueueWorkerOptions } from './queue-process.ts';

/*
 * A worker of the queue in a process of its own, for tests that kill, stop and confuse it. What its handler does is told
 * by each task's payload, and is counted outside of the database: a line in a file, written at once.
 */
const options = JSON.parse(process.argv[2]!) as QueueWorkerOptions;
const effects = openSync(options.effects, 'a');
const database = await openDatabase({ ...options, pool: 7, log: silentLog });
// As at every start on the embedded database: nobody else can be alive.
if (database.kind === 'pglite') await expireLeases(database.db);
const worker = startWorker({
  ...options,
  database,
  log: silentLog,
  graceMs: 0,
  handler: { run, ended: async () => undefined },
});

writeSync(effects, `up - 0 0 ${options.owner}\n`);

let stopping = false;
process.once('SIGTERM', () => (stopping = true));
while (!stopping && (!options.untilIdle || (await isBusy()))) await sleep(50);
await worker[Symbol.asyncDispose]();
await database[Symbol.asyncDispose]();

async function run({ task, attempt, epoch }: Claim, signal: AbortSignal): ReturnType<TaskHandler['run']> {
  const tell = (what: string) => writeSync(effects, `${what} ${task.id} ${attempt} ${epoch} ${options.owner}\n`);
  const { ms = 0, poison = false, failures = 0 } = task.payload as { ms?: number; poison?: boolean; failures?: number };
  tell('begun');
  if (poison) process.kill(process.pid, 'SIGKILL');
  await sleep(ms, signal);
  signal.throwIfAborted();
  if (attempt <= failures) throw new ReeveError('unavailable', 'not yet', { retryAfterMs: 20 });
  tell('done');
  return { status: 'completed', result: { by: options.owner, epoch }, summary: 'done' };
}

/** Whether there are tasks that have not ended; a database that is away for a moment may have some. */
async function isBusy(): Promise<boolean> {
  const query = database.db.selectFrom('tasks').select('id').where('status', '=', 'pending').limit(1);
  return query.executeTakeFirst().then(
    (found) => found !== undefined,
    () => true,
  );
}
