import { inTenant, type Database } from '@reeve/db';
import { Background, counter, durations, gauge, isRetryable, ReeveError, Signal, sleep, withContext, newTraceId, type Log } from '@reeve/kit';
import { sweepLeases } from './change.ts';
import { giveBack, retryLater, settleTask } from './end.ts';
import { claimReady, extendLeases, promoteDue, selectTasks } from './store.ts';
import type { Claim, Outcome, TaskHandler } from './task.ts';

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
    held.set(claim.task.id, { claim, abort, lastBeat: performance.now() });
    runningTasks.set(held.size);
    const context = { requestId: claim.task.id, traceId: claim.task.trace_id || newTraceId(), tenantId: claim.task.tenant_id };
    work.start(`task ${claim.task.id}`, () =>
      withContext(context, async () => {
        try {
          await Promise.race([runClaim(options, claim, AbortSignal.any([abort.signal, stopped.signal])), untilStopped]);
        } finally {
          held.delete(claim.task.id);
          runningTasks.set(held.size);
          done();
        }
      }),
    );
  }

  async function claim(limit: number): Promise<Claim[]> {
    const leases = await claimReady(database.db, owner, limit, leaseMs);
    const tasks = await selectTasks(database.db, leases.map(({ taskId }) => taskId));
    return leases.flatMap(({ taskId, epoch, attempt }) => {
      const task = tasks.find(({ id }) => id === taskId);
      return task === undefined ? [] : [{ task, epoch, attempt }];
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
        if (lost || performance.now() - entry.lastBeat > leaseMs) entry.abort.abort(new ReeveError('lease_lost', 'the lease ran out'));
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
      const hardStop = setTimeout(() => stopped.abort(new ReeveError('shutting_down', 'the server stops')), options.graceMs ?? 10_000);
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
  const { database, handler, log } = options;
  let outcome: Outcome | null;
  let label: string;
  try {
    outcome = await handler.run(claim, signal);
    label = outcome?.status ?? 'settled';
  } catch (thrown) {
    const error = ReeveError.from(signal.aborted ? signal.reason : thrown);
    if (error.reason === 'lease_lost' || error.reason === 'shutting_down') {
      log.info({ task_id: claim.task.id }, `left to another worker: ${error.message}`);
      if (error.reason === 'shutting_down') await inTenant(database.db, claim.task.tenant_id, (tx) => giveBack(tx, claim));
      ended.inc({ outcome: error.reason });
      return;
    }
    const again = error.reason !== 'cancelled' && isRetryable(error) && claim.attempt < claim.task.max_attempts;
    log.warn({ err: error, task_id: claim.task.id, attempt: claim.attempt }, again ? 'an attempt failed' : 'a task failed');
    outcome = again ? null : { status: error.reason === 'cancelled' ? 'cancelled' : 'failed', error };
    label = again ? 'retried' : 'failed';
    if (again) await inTenant(database.db, claim.task.tenant_id, (tx) => retryLater(tx, claim, error));
  }
  const final = outcome;
  const released = final !== null && (await inTenant(database.db, claim.task.tenant_id, (tx) => settleTask(tx, handler, claim, final)));
  if (released) database.notify('reeve_tasks', '');
  ended.inc({ outcome: label });
  seconds.observe({ outcome: label }, (performance.now() - startedAt) / 1000);
}
