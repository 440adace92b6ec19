import { inTenant, type Database, type Tx } from '@reeve/db';
import {
  Background,
  counter,
  durations,
  gauge,
  isRetryable,
  ReeveError,
  Signal,
  sleep,
  withContext,
  newTraceId,
  type Log,
} from '@reeve/kit';
import { sweepLeases } from './change.ts';
import { giveBack, retryLater, settleTask } from './end.ts';
import { claimReady, extendLeases, promoteDue, selectTasks } from './store.ts';
import { shownError, type Claim, type Outcome, type TaskHandler } from './task.ts';

/*
 * One process's hands on the queue.
 *
 *   idle ──wake (notify, timer due, poll)──► claim a batch ──► run each ──► settle ──► idle
 *
 * Beside that loop a heartbeat extends the leases of everything this process runs and hears of cancellations, and
 * a sweep takes back what silent workers left. A task's signal aborts when it is cancelled, when its lease is lost, and
 * at the hard stop. Stopping: nothing more is claimed; running tasks get `graceMs`, then are left to others at once.
 */

export interface WorkerOptions {
  readonly database: Database;
  readonly handler: TaskHandler;
  /** Name of this process in its leases; unique among living processes. */
  readonly owner: string;
  /** Tasks from the queue at a time; 0: only adopted ones. */
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly log: Log;
  /** How long running tasks may go on after the stop, in milliseconds. */
  readonly graceMs?: number;
}

export interface Worker extends AsyncDisposable {
  readonly owner: string;
  readonly leaseMs: number;
  /** Works on a claim that this process made itself, at once and besides the concurrency. */
  adopt(claim: Claim): void;
  /** Claims up to `limit` tasks, works on them, and resolves when all have ended, with their ids. */
  runOnce(limit: number): Promise<string[]>;
  /** Stops claiming now; disposing then waits for what runs. */
  drain(): void;
  readonly running: number;
}

/** How long a task may take to heed the hard stop. */
const STOP_MS = 2_000;

/** Longest time between two looks at the queue where no wake-up came. */
const POLL_MS = 5_000;

const ended = counter('reeve_tasks_ended_total', 'Task attempts that ended.', ['outcome']);
const seconds = durations('reeve_task_seconds', 'From claim to end of an attempt.', ['outcome']);
const runningTasks = gauge('reeve_tasks_running', 'Tasks in progress in this process.');

/** Starts working in the background. */
export function startWorker(options: WorkerOptions): Worker {
  const { database, handler, owner, leaseMs, log } = options;
  const held = new Map<string, { claim: Claim; abort: AbortController; lastBeat: number }>();
  const work = new Background(log);
  const loops = new Background(log);
  const wake = new Signal();
  const draining = new AbortController();
  const stopped = new AbortController();
  const untilStopped = new Promise<void>((resolve) => {
    stopped.signal.addEventListener('abort', () => setTimeout(resolve, STOP_MS).unref(), { once: true });
  });
  let fromQueue = 0;

  const stopListening = [
    database.listen('reeve_tasks', () => wake.raise()),
    database.listen('reeve_cancels', (taskId) => {
      if (taskId === null) return;
      held.get(taskId)?.abort.abort(new ReeveError('cancelled', 'cancelled on request'));
    }),
  ];

  function start(claim: Claim, done: () => void): void {
    const abort = new AbortController();
    held.get(claim.task.id)?.abort.abort(new ReeveError('lease_lost', 'the task was claimed anew'));
    held.set(claim.task.id, { claim, abort, lastBeat: performance.now() });
    runningTasks.set(held.size);
    const context = {
      requestId: claim.task.id,
      traceId: claim.task.trace_id || newTraceId(),
      tenantId: claim.task.tenant_id,
    };
    work.start(`task ${claim.task.id}`, () =>
      withContext(context, async () => {
        try {
          await Promise.race([runClaim(options, claim, AbortSignal.any([abort.signal, stopped.signal])), untilStopped]);
        } finally {
          if (held.get(claim.task.id)?.claim === claim) held.delete(claim.task.id);
          runningTasks.set(held.size);
          done();
        }
      }),
    );
  }

  /** Leases and tasks in one transaction, so that no lease is left behind where the second read fails. */
  function claim(limit: number): Promise<Claim[]> {
    return database.db.transaction().execute(async (tx) => {
      const leases = await claimReady(tx, owner, limit, leaseMs);
      const tasks = await selectTasks(
        tx,
        leases.map(({ taskId }) => taskId),
      );
      return leases.flatMap(({ taskId, epoch, attempt: count }) => {
        const task = tasks.find(({ id }) => id === taskId);
        return task === undefined ? [] : [{ task, epoch, attempt: count }];
      });
    });
  }

  async function claimLoop(): Promise<void> {
    while (!draining.signal.aborted) {
      const room = options.concurrency - fromQueue;
      let waitMs = POLL_MS;
      try {
        const { nextMs } = await promoteDue(database.db);
        waitMs = Math.min(POLL_MS, Math.max(1, nextMs ?? POLL_MS));
        const claims = room > 0 ? await claim(room) : [];
        for (const one of claims) {
          fromQueue += 1;
          start(one, () => {
            fromQueue -= 1;
            wake.raise();
          });
        }
        if (claims.length > 0) continue;
      } catch (error) {
        log.warn({ err: error }, 'claiming failed; trying again');
        waitMs = 1_000;
      }
      await wake.wait(waitMs, draining.signal);
    }
  }

  async function beatLoop(): Promise<void> {
    while (!stopped.signal.aborted) {
      await sleep(leaseMs / 3, stopped.signal);
      if (held.size === 0 || stopped.signal.aborted) continue;
      const sentAt = performance.now();
      const extended = await extendLeases(database.db, owner, [...held.keys()], leaseMs).catch((error: unknown) => {
        log.warn({ err: error }, 'a heartbeat failed');
        return undefined;
      });
      for (const [taskId, entry] of held) {
        const lease = extended?.find((one) => one.taskId === taskId && one.epoch === entry.claim.epoch);
        if (lease !== undefined) entry.lastBeat = sentAt;
        if (lease?.cancelRequested) entry.abort.abort(new ReeveError('cancelled', 'cancelled on request'));
        const lost = extended !== undefined && lease === undefined && entry.lastBeat < sentAt - leaseMs / 3;
        if (lost || performance.now() - entry.lastBeat > leaseMs)
          entry.abort.abort(new ReeveError('lease_lost', 'the lease ran out'));
      }
    }
  }

  async function sweepLoop(): Promise<void> {
    while (!draining.signal.aborted) {
      await sweepLeases(database, handler).catch((error: unknown) => log.warn({ err: error }, 'the sweep failed'));
      await sleep(Math.min(leaseMs / 2, 10_000), draining.signal);
    }
  }

  if (options.concurrency > 0) {
    loops.start('claiming', claimLoop);
    loops.start('sweeping', sweepLoop);
  }
  loops.start('heartbeat', beatLoop);

  return {
    owner,
    leaseMs,
    adopt: (one) => start(one, () => undefined),
    async runOnce(limit) {
      await sweepLeases(database, handler);
      await promoteDue(database.db);
      const claims = await claim(limit);
      await Promise.all(claims.map((one) => new Promise<void>((resolve) => start(one, resolve))));
      return claims.map(({ task }) => task.id);
    },
    drain() {
      draining.abort();
      for (const stop of stopListening) stop();
    },
    get running() {
      return held.size;
    },
    async [Symbol.asyncDispose]() {
      this.drain();
      const hardStop = setTimeout(
        () => stopped.abort(new ReeveError('shutting_down', 'the server stops')),
        options.graceMs ?? 10_000,
      );
      await work[Symbol.asyncDispose]();
      clearTimeout(hardStop);
      stopped.abort(new ReeveError('shutting_down', 'the server stops'));
      await loops[Symbol.asyncDispose]();
    },
  };
}

/** One attempt, from claim to whatever became of it. Never throws for what the task did. */
async function runClaim(options: WorkerOptions, claim: Claim, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  const outcome = await attempt(options, claim, signal);
  ended.inc({ outcome });
  seconds.observe({ outcome }, (performance.now() - startedAt) / 1000);
}

async function attempt(options: WorkerOptions, claim: Claim, signal: AbortSignal): Promise<string> {
  const { database, handler } = options;
  let outcome: Outcome | null;
  try {
    outcome = await handler.run(claim, signal);
  } catch (thrown) {
    return endAttempt(options, claim, ReeveError.from(signal.aborted ? signal.reason : thrown));
  }
  if (outcome === null) return 'settled';
  const settled = outcome;
  const released = await inTenant(database.db, claim.task.tenant_id, (tx) => settleTask(tx, handler, claim, settled));
  if (released) database.notify('reeve_tasks', '');
  return outcome.status;
}

/** What becomes of a task whose handler threw: left to others, tried again later, or ended with whatever belongs to it. */
async function endAttempt({ database, handler, log }: WorkerOptions, claim: Claim, error: ReeveError): Promise<string> {
  const { task, attempt: count } = claim;
  const about = { err: error, task_id: task.id, attempt: count };
  const write = (work: (tx: Tx) => Promise<void>) => inTenant(database.db, task.tenant_id, work);
  if (error.reason === 'lease_lost') {
    log.info(about, 'a task was left to another worker');
    return 'lease_lost';
  }
  if (error.reason === 'shutting_down') {
    log.info(about, 'a task was given back');
    await write((tx) => giveBack(tx, handler, claim));
    database.notify('reeve_tasks', '');
    return 'given_back';
  }
  if (error.reason !== 'cancelled' && isRetryable(error) && count < task.max_attempts) {
    log.warn(about, 'an attempt failed');
    await write((tx) => retryLater(tx, handler, claim, error));
    return 'retried';
  }
  const status = error.reason === 'cancelled' ? 'cancelled' : 'failed';
  log.warn(about, `a task ${status === 'failed' ? 'failed' : 'was cancelled'}`);
  await write(async (tx) => {
    await settleTask(tx, handler, claim, { status, error });
    await handler.ended(tx, task, shownError(error), status);
  });
  return status;
}
