import type { RunEvent } from '@reeve/contract';
import { inTenant, isTransient } from '@reeve/db';
import { counter, ReeveError, sleep, unlessAborted, type ConfigOf, type Log, type BreakerOutcome } from '@reeve/kit';
import {
  findBegunRun,
  selectRun,
  startRun,
  waitForRun,
  type EndedRun,
  type Feed,
  type RunRequest,
  type StartedRun,
  type StartParts,
} from '@reeve/runs';
import { ExponentialBackoff, fullJitterGenerator } from 'cockatiel';
import { createCircuits, type Circuits } from './circuits.ts';
import type { gatewaySettings } from './config.ts';
import { runOutcomeOf, startFailureOf, startOutcomeOf } from './start-failure.ts';

/*
 * A call of the runtime
 *
 *   (circuits) ──► start ──committed──► follow ──► the run's end, or 504 with the run's id
 *                  ▲   │
 *                  │   ├─ certainly no run ──► pause ──► look for it ──not there──► start again
 *                  │   └─ perhaps a run ─────► pause ──► look for it, repeatedly ──► 504 with `unsure`
 *                  └──────────────────────────────────────────┘
 *
 * Only the start is ever repeated, and only before there is a run. All of it, pauses included, keeps within one deadline.
 */

/** A run that was started, and how it ended. */
export interface ExecutedRun {
  readonly started: StartedRun;
  readonly ended: EndedRun;
}

/** Runs behind retries, circuits and a deadline. */
export interface RunExecutor {
  /**
   * Starts a run and waits for its end, `waitMs` in total. Throws `circuit_open`, the errors of `startRun` and
   * `waitForRun`, and `timeout`: with the run's ID if it exists, else with `unsure`.
   */
  execute(request: RunRequest, waitMs: number | undefined, signal: AbortSignal): Promise<ExecutedRun>;
  readonly circuits: Circuits;
}

export interface RunExecutorParts extends StartParts {
  readonly config: ConfigOf<typeof gatewaySettings>;
  readonly log: Log;
  /** Pauses double from the first to the longest, and are as long as chance will have it within that. */
  readonly pauses?: { readonly firstMs: number; readonly longestMs: number };
}

const PAUSES = { firstMs: 1_000, longestMs: 16_000 };
const FOLLOW_AGAIN_MS = 250;

const repeats = counter('reeve_gateway_start_repeats_total', 'Starts of runs that were tried again.');
const unsureStarts = counter('reeve_gateway_start_unsure_total', 'Starts of runs of which the outcome is not known.');

export function createRunExecutor(parts: RunExecutorParts): RunExecutor {
  const { config, log } = parts;
  const { gatewayCircuitFailures: failures, gatewayCircuitResetMs: resetMs } = config;
  const circuits = createCircuits({ failures, resetMs, log });
  return {
    circuits,
    async execute(request, waitMs = config.gatewayTimeoutMs, signal) {
      using deadline = startDeadline(waitMs);
      const breakerCall = circuits.of(request.requester.tenantId, request.agent).begin();
      let started: StartedRun;
      try {
        started = await begin(parts, circuits, request, deadline, signal);
      } catch (error) {
        await breakerCall.end('not_sent');
        throw error;
      }
      const seen = { life: false, ended: false };
      try {
        const ended = await follow(parts.feed, request.requester.tenantId, started.runId, deadline, signal, seen);
        await breakerCall.end('ok');
        return { started, ended };
      } catch (thrown) {
        const error = ReeveError.from(thrown);
        const isLate = error.reason === 'timeout' && !seen.ended;
        // No sign of life counts only in the time that the operator allows; a caller may ask for less.
        const silent = () =>
          seen.life ? 'ok' : waitMs < config.gatewayTimeoutMs ? 'inconclusive' : silenceOf(parts, request, started);
        await breakerCall.end(isLate ? await silent() : runOutcomeOf(error));
        throw error;
      }
    },
  };
}

/** A claimed run without events counts as a fault; a queued one is rightly silent. */
async function silenceOf(
  { database }: RunExecutorParts,
  { requester }: RunRequest,
  { runId }: StartedRun,
): Promise<BreakerOutcome> {
  try {
    const { tenantId } = requester;
    const run = await inTenant(database.db, tenantId, (tx) => selectRun(tx, tenantId, runId));
    return run?.status === 'queued' ? 'inconclusive' : 'fault';
  } catch {
    return 'fault';
  }
}

interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  readonly waitMs: number;
  leftMs(): number;
}

function startDeadline(waitMs: number): Deadline {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), waitMs);
  const until = performance.now() + waitMs;
  return {
    signal: over.signal,
    waitMs,
    leftMs: () => Math.max(0, until - performance.now()),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

/** Starts the run, at most once whatever goes wrong. */
async function begin(
  parts: RunExecutorParts,
  circuits: Circuits,
  request: RunRequest,
  deadline: Deadline,
  signal: AbortSignal,
): Promise<StartedRun> {
  const startedAt = performance.now();
  const { firstMs, longestMs } = parts.pauses ?? PAUSES;
  let backoff = new ExponentialBackoff({
    initialDelay: firstMs,
    maxDelay: longestMs,
    generator: fullJitterGenerator,
  }).next();
  let isUnsure = false;
  for (let attempt = 1; ; attempt++) {
    let failure: unknown;
    try {
      const before = attempt === 1 ? undefined : await inTime(lookFor(parts, request, startedAt), deadline);
      if (before !== undefined) return before;
      if (!isUnsure) return await startOnce(parts, circuits, request, deadline);
    } catch (error) {
      failure = error;
      if (error instanceof Late) throw unsureOf(request, undefined);
      const kind = startFailureOf(error);
      if (kind === 'refused') throw error;
      isUnsure ||= kind === 'unknown';
    }
    backoff = backoff.next(undefined);
    const pauseMs = Math.max(backoff.duration, failure instanceof ReeveError ? (failure.retryAfterMs ?? 0) : 0);
    const isLast = attempt >= parts.config.gatewayRetries || pauseMs >= deadline.leftMs() || signal.aborted;
    if (isLast && isUnsure) throw unsureOf(request, failure);
    if (isLast) throw failure;
    repeats.inc();
    parts.log.warn({ err: failure, attempt, pause_ms: pauseMs }, 'a run could not be started; it is tried again');
    await sleep(pauseMs, signal);
    if (signal.aborted)
      throw new ReeveError('cancelled', 'the caller disconnected', { unsure: isUnsure, cause: failure });
  }
}

/** One start, which counts for its circuit however long it takes; later than the deadline it is not waited for. */
async function startOnce(
  { config, ...parts }: RunExecutorParts,
  circuits: Circuits,
  request: RunRequest,
  deadline: Deadline,
): Promise<StartedRun> {
  const breakerCall = circuits.start.begin();
  const hung = setTimeout(() => void breakerCall.end('fault'), config.gatewayTimeoutMs);
  const starting = startRun(parts, request);
  const counted = starting
    .then(
      () => breakerCall.end('ok'),
      (error: unknown) => breakerCall.end(startOutcomeOf(error)),
    )
    .finally(() => clearTimeout(hung));
  const started = await inTime(starting, deadline);
  await counted;
  return started;
}

function lookFor(
  { database }: RunExecutorParts,
  request: RunRequest,
  startedAt: number,
): Promise<StartedRun | undefined> {
  return findBegunRun(database.db, request, performance.now() - startedAt);
}

class Late extends Error {}

function inTime<T>(work: Promise<T>, { signal }: Deadline): Promise<T> {
  return unlessAborted(work, signal, () => new Late());
}

function unsureOf({ requester: { traceId } }: RunRequest, cause: unknown): ReeveError {
  unsureStarts.inc();
  return new ReeveError(
    'timeout',
    `the run may have started; check /api/v1/runs?trace_id=${traceId} before repeating the request`,
    { unsure: true, ...(cause !== undefined && { cause }) },
  );
}

/** Waits for a run's end. A reading that breaks off is taken up again: it changes nothing. */
async function follow(
  feed: Feed,
  tenantId: string,
  runId: string,
  deadline: Deadline,
  signal: AbortSignal,
  seen: { life: boolean; ended: boolean },
): Promise<EndedRun> {
  const watched = watch(feed, (event) => {
    if (!AT_THE_START.has(event.type)) seen.life = true;
    if (event.type === 'session_end') seen.ended = true;
  });
  for (;;) {
    const leftMs = Math.ceil(deadline.leftMs());
    try {
      return await waitForRun(watched, tenantId, runId, leftMs, signal, deadline.waitMs);
    } catch (error) {
      if (error instanceof ReeveError) throw error;
      if (!isTransient(error)) throw new ReeveError('internal', String(error), { runId, cause: error });
      // It ends with the run's id once the time is over.
      await sleep(Math.min(FOLLOW_AGAIN_MS, deadline.leftMs()), signal);
      if (deadline.leftMs() === 0)
        throw new ReeveError('timeout', `the run did not finish within ${deadline.waitMs} ms and continues`, {
          runId,
          cause: error,
        });
    }
  }
}

/** Events that every run has from its start, claimed or not. */
const AT_THE_START: ReadonlySet<string> = new Set<RunEvent['type']>(['session_start', 'system']);

function watch(feed: Feed, see: (event: RunEvent) => void): Feed {
  return {
    ...feed,
    async *follow(tenantId, runId, after, signal) {
      for await (const event of feed.follow(tenantId, runId, after, signal)) {
        see(event);
        yield event;
      }
    },
  };
}
