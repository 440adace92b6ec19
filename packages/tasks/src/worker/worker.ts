import type { Database } from '@reeve/db';
import {
  Background,
  counter,
  durations,
  gauge,
  newTraceId,
  ReeveError,
  Signal,
  sleep,
  withContext,
  type Log,
} from '@reeve/kit';
import { createAttempt } from './attempt.ts';
import { createClaimer } from './claimer.ts';
import { runHousekeeping } from './housekeeping.ts';
import { promoteDue } from './promote.ts';
import { sweepLeases } from './sweep.ts';
import { extendLeases } from '../queue/store/lease.ts';
import type { Claimed } from '../queue/store/claim.ts';
import type { Claim, TaskHandler } from '../queue/task.ts';

/*
 * One process that works on the queue
 *
 *   idle ──wake (notify, timer due, poll)──► claim a batch ──► run each ──► settle ──► idle
 *                                                └► backlog: claimed, run when a task ends
 *
 * Beside that loop a heartbeat extends the leases that this process holds and learns of cancellations, tasks without a heartbeat are
 * given up before their lease ends, and housekeeping runs its chores. A task's signal aborts when it is cancelled, when its lease is lost, and at the hard stop. A stopping worker claims nothing,
 * returns its backlog, gives running tasks `graceMs`, and then returns them as well. It runs one quarantined task at a time, so that a
 * task which kills its worker takes few others with it.
 */

export interface WorkerOptions {
  readonly database: Database;
  readonly handler: TaskHandler;
  /** Name of this process in its leases; unique among living processes. */
  readonly owner: string;
  /** Tasks from the queue at a time; 0: only adopted ones. */
  readonly concurrency: number;
  /** Tasks claimed beyond those, so that short ones are claimed in larger batches. */
  readonly prefetch?: number;
  readonly leaseMs: number;
  readonly log: Log;
  /** How long running tasks may go on after the stop, in milliseconds. */
  readonly graceMs?: number;
}

export interface Worker extends AsyncDisposable {
  readonly owner: string;
  readonly leaseMs: number;
  /** Works on a claim of this process's own at once, beyond the concurrency. */
  adopt(claim: Claim): void;
  /** Claims up to `limit` tasks, works on them, and resolves with their ids when all have ended. */
  runOnce(limit: number): Promise<string[]>;
  /** Stops claiming now; disposal then waits for running tasks. */
  drain(): void;
  readonly running: number;
}

/** How long a task may take to heed the hard stop. */
const STOP_MS = 2_000;
/** Longest time between two looks at the queue without a notification. */
const POLL_MS = 10_000;
/** The pause after another worker held a tenant's limits. */
const CONTENDED_MS = 20;
/** How long a nearly full worker waits for more of its tasks to end before it claims. */
const GATHER_MS = 2;

const ended = counter('reeve_tasks_ended_total', 'Task attempts that ended.', ['outcome']);
const seconds = durations('reeve_task_seconds', 'From claim to end of an attempt.', ['outcome']);
const runningTasks = gauge('reeve_tasks_running', 'Tasks in progress in this process.');

interface Held {
  readonly claim: Claim;
  readonly abort: AbortController;
  lastBeat: number;
}

/** Starts working in the background. */
export function startWorker(options: WorkerOptions): Worker {
  const { database, handler, owner, leaseMs, log, concurrency, prefetch = 0 } = options;
  const capacity = concurrency + prefetch;
  const held = new Map<string, Held>();
  const backlog: Claimed[] = [];
  const work = new Background(log);
  const loops = new Background(log);
  const claiming = new Background(log);
  const wake = new Signal();
  const chores = new Signal();
  const beat = new Signal();
  const draining = new AbortController();
  const stopped = new AbortController();
  const claimer = createClaimer(database, owner, leaseMs);
  const attempt = createAttempt({ database, handler, log, leaseMs, isLimited: claimer.isLimited });
  /** Tasks from the queue that run, and quarantined ones among all that this process holds. */
  let fromQueue = 0;
  let quarantined = 0;
  /** The last claim got all that it asked for, so there may be more. */
  let busy = false;
  let gathering: NodeJS.Timeout | undefined;
  let gathered = false;
  let promoteAt = -Infinity;

  const stopListening = [
    database.listen('reeve_tasks', (payload) => {
      claimer.look();
      if (payload === 'completions') chores.raise();
      else if (payload !== '') promoteAt = -Infinity;
      wake.raise();
    }),
    database.listen('reeve_cancels', (taskId) => {
      // The heartbeat learns of cancellations too.
      if (taskId === null) beat.raise();
      else held.get(taskId)?.abort.abort(new ReeveError('cancelled', 'cancelled on request'));
    }),
  ];

  function hold(claim: Claim): Held {
    held.get(claim.task.id)?.abort.abort(new ReeveError('lease_lost', 'the task was claimed anew'));
    const entry = { claim, abort: new AbortController(), lastBeat: performance.now() };
    held.set(claim.task.id, entry);
    runningTasks.set(held.size);
    return entry;
  }

  function drop(entry: Held): void {
    if (held.get(entry.claim.task.id) === entry) held.delete(entry.claim.task.id);
    runningTasks.set(held.size);
  }

  /** `worked` is called when the handler has returned, before its outcome is settled. */
  function start(entry: Held, worked: () => void): Promise<void> {
    const { claim, abort } = entry;
    const context = {
      requestId: claim.task.id,
      traceId: claim.task.traceId || newTraceId(),
      tenantId: claim.task.tenantId,
    };
    const done = withContext(context, async () => {
      const startedAt = performance.now();
      try {
        const outcome = await attempt(claim, abort.signal, worked);
        ended.inc({ outcome });
        seconds.observe({ outcome }, (performance.now() - startedAt) / 1000);
      } finally {
        drop(entry);
      }
    });
    work.start(`task ${claim.task.id}`, () => done);
    return done.catch(() => undefined);
  }

  function take(claims: readonly Claimed[]): void {
    for (const claim of claims) {
      if (claim.quarantined) quarantined += 1;
      hold(claim);
      backlog.push(claim);
    }
    pump();
  }

  function pump(): void {
    while (fromQueue < concurrency && !draining.signal.aborted) {
      const claim = backlog.shift();
      if (claim === undefined) return;
      const entry = held.get(claim.task.id);
      // Lost, or cancelled and so given up, while it waited here.
      if (entry?.claim !== claim) {
        if (claim.quarantined) quarantined -= 1;
        continue;
      }
      fromQueue += 1;
      const settled = start(entry, () => {
        fromQueue -= 1;
        pump();
        askForMore();
      });
      // Until its end is written the next one could still take it along.
      if (claim.quarantined)
        void settled.then(() => {
          quarantined -= 1;
          wake.raise();
        });
    }
  }

  /** Whether to claim now: at once when half of the capacity is free or little is ready, else before capacity would stay idle. */
  function wantsMore(): boolean {
    return !busy || gathered || fromQueue + backlog.length <= capacity / 2;
  }

  function askForMore(): void {
    if (wantsMore()) return wake.raise();
    if (backlog.length > 0) return;
    gathering ??= setTimeout(() => {
      gathering = undefined;
      gathered = true;
      wake.raise();
    }, GATHER_MS);
  }

  async function claimLoop(): Promise<void> {
    while (!draining.signal.aborted) {
      let waitMs = POLL_MS;
      try {
        if (performance.now() >= promoteAt) {
          promoteAt = Infinity;
          const nextMs = await promoteDue(database, handler, log);
          promoteAt = Math.min(promoteAt, performance.now() + Math.min(POLL_MS, Math.max(1, nextMs ?? POLL_MS)));
        }
        const room = wantsMore() ? capacity - fromQueue - backlog.length : 0;
        gathered = false;
        const claims = room > 0 ? await claimer.claim(room, quarantined === 0) : [];
        if (room > 0) busy = claims.length >= room;
        take(claims);
        // Full: the tasks that end say when there is room again.
        if (claims.length > 0 && !busy) continue;
        waitMs = Math.max(1, Math.min(claimer.contended ? CONTENDED_MS : POLL_MS, promoteAt - performance.now()));
      } catch (error) {
        log.warn({ err: error }, 'claiming failed; trying again');
        promoteAt = Math.min(promoteAt, performance.now());
        waitMs = 1_000;
      }
      await wake.wait(waitMs, draining.signal);
    }
  }

  async function beatLoop(): Promise<void> {
    while (!stopped.signal.aborted) {
      await beat.wait(leaseMs / 3, stopped.signal);
      if (held.size === 0 || stopped.signal.aborted) continue;
      const sentAt = performance.now();
      const extended = await extend().catch((error: unknown) => {
        log.warn({ err: error }, 'a heartbeat failed');
        return undefined;
      });
      const leases = new Map(extended?.map((lease) => [lease.taskId, lease]));
      for (const [taskId, entry] of held) {
        const lease = leases.get(taskId);
        const own = lease?.epoch === entry.claim.epoch ? lease : undefined;
        if (own !== undefined) entry.lastBeat = sentAt;
        if (own?.cancelRequested) entry.abort.abort(new ReeveError('cancelled', 'cancelled on request'));
        if (extended !== undefined && own === undefined && entry.lastBeat < sentAt - leaseMs / 3) lose(entry);
      }
    }
  }

  /** Extends all leases. A database that keeps silent is not waited for until the next heartbeat is overdue. */
  async function extend() {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new ReeveError('unavailable', 'the database did not answer in time')),
      leaseMs / 3,
    );
    try {
      return await Promise.race([extendLeases(database.queue, owner, [...held.keys()], leaseMs), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Gives up tasks before their leases end, whatever becomes of the heartbeats. */
  async function watchLoop(): Promise<void> {
    while (!stopped.signal.aborted) {
      await sleep(leaseMs / 20, stopped.signal);
      for (const entry of held.values()) if (performance.now() - entry.lastBeat > leaseMs * 0.9) lose(entry);
    }
  }

  function lose(entry: Held): void {
    entry.abort.abort(new ReeveError('lease_lost', 'the lease ran out'));
    if (backlog.includes(entry.claim as Claimed)) drop(entry);
  }

  if (concurrency > 0) {
    claiming.start('claiming', claimLoop);
    loops.start('housekeeping', () =>
      runHousekeeping({ database, handler, leaseMs, log, wake: chores, signal: draining.signal }),
    );
  }
  loops.start('heartbeat', beatLoop);
  loops.start('watching leases', watchLoop);

  return {
    owner,
    leaseMs,
    adopt: (claim) => void start(hold(claim), () => undefined),
    async runOnce(limit) {
      await sweepLeases(database, handler, log);
      await promoteDue(database, handler, log);
      claimer.forget();
      const claims: Claimed[] = [];
      while (claims.length < limit) {
        const more = await claimer.claim(
          limit - claims.length,
          claims.every((claim) => !claim.quarantined),
        );
        if (more.length === 0) break;
        claims.push(...more);
      }
      await Promise.all(claims.map((claim) => start(hold(claim), () => undefined)));
      return claims.map(({ task }) => task.id);
    },
    drain() {
      draining.abort();
      clearTimeout(gathering);
      for (const stop of stopListening) stop();
    },
    get running() {
      return held.size;
    },
    async [Symbol.asyncDispose]() {
      this.drain();
      // A claim that is under way still brings tasks, which are to go back too.
      await Promise.race([claiming[Symbol.asyncDispose](), sleep(STOP_MS, stopped.signal)]);
      for (const claim of backlog.splice(0)) {
        const entry = held.get(claim.task.id);
        if (entry?.claim !== claim) continue;
        entry.abort.abort(new ReeveError('shutting_down', 'the server stops'));
        void start(entry, () => undefined);
      }
      const finished = work[Symbol.asyncDispose]();
      await Promise.race([finished, sleep(options.graceMs ?? 10_000, stopped.signal)]);
      for (const { abort } of held.values()) abort.abort(new ReeveError('shutting_down', 'the server stops'));
      await Promise.race([finished, sleep(STOP_MS, stopped.signal)]);
      stopped.abort();
      await loops[Symbol.asyncDispose]();
    },
  };
}
