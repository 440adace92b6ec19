import { ReeveError, type Breaker, type Log, type BreakerCall, type BreakerOutcome } from '@reeve/kit';
import type { CallEnd, CallLedger, OpenCall, Price } from '@reeve/ledger';
import type { Fault } from '../backend.ts';
import type { ModelMetrics } from './metrics.ts';
import type { TokenUsage } from '../model.ts';
import type { AttemptEnd } from '../queue/limit.ts';
import type { HeldSlot, ModelQueue } from '../queue/model-queues.ts';
import type { ModelTurn } from '../queue/turn.ts';
import type { CalledModel } from '../targets.ts';
import { callUsage, estimateTokens } from '../tokens.ts';

/** The context of an attempt: its model, and the ledger, breaker and metrics that record it. */
export interface AttemptContext {
  readonly target: CalledModel;
  readonly breaker: Breaker;
  readonly price: Price | null;
  /** Returns the number of the next attempt of the same call, from 1. */
  readonly number: () => number;
  readonly ledger: CallLedger | undefined;
  /** The queue of the model, and the call's turn in it. */
  readonly queue: ModelQueue;
  readonly turn: ModelTurn;
  readonly metrics: ModelMetrics;
  readonly log: Log;
}

/** Records how one attempt ends, in ledger, breaker and metrics; only the first end counts. */
export interface AttemptRecorder {
  /** Counts streamed output, in characters. */
  readonly onOutput: (characters: number) => void;
  /** Estimates the usage from the request and the streamed output. */
  estimate(): TokenUsage;
  finish(usage: TokenUsage): Promise<void>;
  fail(fault: Fault): Promise<void>;
  /** The attempt was cancelled, or its reader stopped reading. */
  stop(outcome: 'cancelled' | 'abandoned'): Promise<void>;
}

/** Upper bounds of a call's tokens. */
export interface CallSize {
  readonly inputTokens: number;
  readonly maxOutputTokens: number;
  /** The answer arrives as one body, so an interrupted attempt is charged with its whole output limit. */
  readonly isBuffered?: boolean;
}

/**
 * Waits for the model's queue and records an attempt before it is sent. Returns the error `circuit_open` while the breaker
 * is open; throws `cancelled` and the errors of the ledger. An attempt that waits is not recorded yet, and its waiting
 * counts toward no timeout and no latency.
 */
export async function startAttempt(
  context: AttemptContext,
  size: CallSize,
  signal: AbortSignal,
): Promise<AttemptRecorder | ReeveError> {
  const { target, breaker, price, number, ledger, queue, turn, log } = context;
  const { inputTokens, maxOutputTokens } = size;
  if (signal.aborted) throw cancelled(signal);
  let slot: HeldSlot | undefined;
  let call: OpenCall | undefined;
  try {
    breaker.check();
    await ledger?.check?.(target);
    slot = await queue.enter(turn, signal);
    breaker.check();
    call = await ledger?.begin({ ...target, attempt: number(), inputTokens, maxOutputTokens, price });
    // During `begin` the call may have been cancelled, or the breaker opened.
    if (signal.aborted) throw cancelled(signal);
    return createRecorder(context, size, { call, slot, breakerCall: breaker.begin() });
  } catch (thrown) {
    slot?.release({ kind: 'other' });
    const { reason: outcome } = ReeveError.from(thrown);
    const usage = callUsage(NOTHING_USED);
    await settle(call, { outcome, usage, estimated: false, firstTokenMs: null, latencyMs: 0 }, log);
    if (thrown instanceof ReeveError && outcome === 'circuit_open') return thrown;
    throw thrown;
  }
}

export function cancelled(signal: AbortSignal): ReeveError {
  return new ReeveError('cancelled', 'The model call was cancelled', { cause: signal.reason });
}

const NOTHING_USED: TokenUsage = {
  inputTokens: 0,
  outputTokens: 0,
  cachedTokens: 0,
  reasoningTokens: 0,
  estimated: false,
};

/** The parts of an attempt that are to be ended with it. */
interface OpenAttempt {
  readonly call: OpenCall | undefined;
  readonly slot: HeldSlot;
  readonly breakerCall: BreakerCall;
}

function createRecorder(
  { target, breaker, metrics, log }: AttemptContext,
  { inputTokens, maxOutputTokens, isBuffered }: CallSize,
  { call, slot, breakerCall }: OpenAttempt,
): AttemptRecorder {
  const startedAt = performance.now();
  let firstAt: number | null = null;
  let characters = 0;
  let closed = false;
  const estimate = () => ({
    ...NOTHING_USED,
    inputTokens,
    outputTokens: isBuffered && characters === 0 ? maxOutputTokens : estimateTokens(characters),
    estimated: true,
  });
  async function close(
    outcome: string,
    usage: TokenUsage,
    breakerOutcome: BreakerOutcome,
    end: AttemptEnd,
  ): Promise<void> {
    if (closed) return;
    closed = true;
    slot.release(end);
    const latencyMs = Math.round(performance.now() - startedAt);
    const firstTokenMs = firstAt === null ? null : Math.round(firstAt - startedAt);
    metrics.attempt(target, outcome, latencyMs, firstTokenMs);
    await breakerCall.end(breakerOutcome);
    const { estimated } = usage;
    await settle(call, { outcome, usage: callUsage(usage), estimated, firstTokenMs, latencyMs }, log);
  }
  return {
    onOutput(count) {
      firstAt ??= performance.now();
      characters += count;
      // A probe that starts to answer closes the breaker: other calls need not wait for its end.
      if (breaker.state() === 'half_open') void breakerCall.end('ok');
    },
    estimate,
    finish: (usage) => close('ok', usage, 'ok', { kind: 'completed', work: workOf(usage) }),
    fail: (fault) => close(fault.error.reason, usageOf(fault, characters, estimate), outcomeOf(fault), endOf(fault)),
    stop: (outcome) => close(outcome, estimate(), firstAt === null ? 'inconclusive' : 'ok', { kind: 'other' }),
  };
}

function usageOf({ unprocessed, usage }: Fault, characters: number, estimate: () => TokenUsage): TokenUsage {
  if (usage !== undefined) return usage;
  return unprocessed && characters === 0 ? NOTHING_USED : estimate();
}

/** A provider that rejects a request works; a failure of unknown kind is inconclusive. */
function outcomeOf({ error, outage }: Fault): BreakerOutcome {
  if (outage) return 'fault';
  return error.reason === 'upstream_error' ? 'inconclusive' : 'ok';
}

/** The size of a call: a server writes a token in the time in which it reads some ten. */
function workOf({ inputTokens, outputTokens }: TokenUsage): number {
  return Math.max(1, outputTokens + inputTokens / 10);
}

/** What a fault says of the model's limit on concurrent calls. */
function endOf({ error: { reason }, retryable, outage }: Fault): AttemptEnd {
  if (reason === 'timeout') return { kind: 'timeout' };
  // An exhausted quota is `rate_limited` too, but fewer calls at a time would not help.
  if (retryable && (reason === 'rate_limited' || reason === 'provider_overloaded')) return { kind: 'overloaded' };
  return { kind: outage ? 'outage' : 'other' };
}

/** Settles the call in the ledger. A failure is only logged, since the answer has arrived; an unsettled reservation expires. */
async function settle(call: OpenCall | undefined, end: CallEnd, log: Log): Promise<void> {
  try {
    await call?.settle(end);
  } catch (error) {
    log.error({ err: error, outcome: end.outcome }, 'a model call could not be settled in the ledger');
  }
}
