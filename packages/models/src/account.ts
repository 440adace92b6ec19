import { ReeveError, type Breaker, type Log, type Passage, type Verdict } from '@reeve/kit';
import type { CallEnd, CallLedger, OpenCall, Price } from '@reeve/ledger';
import type { Fault } from './backend.ts';
import type { Instruments } from './instruments.ts';
import type { TokenUsage } from './model.ts';
import type { CalledModel } from './remote.ts';
import { callUsage, estimateTokens } from './tokens.ts';

/** Where attempts are counted: in the ledger, at the breaker and in the figures. */
export interface Books {
  readonly target: CalledModel;
  readonly breaker: Breaker;
  readonly price: Price | null;
  /** The next number of an attempt of the same call, from 1. */
  readonly number: () => number;
  readonly ledger: CallLedger | undefined;
  readonly instruments: Instruments;
  readonly log: Log;
}

/** What became of one attempt; only the first end counts. */
export interface Account {
  /** Hears of output as it comes, in characters. */
  readonly onOutput: (characters: number) => void;
  /** What was used, from what was sent and streamed. */
  estimate(): TokenUsage;
  finish(usage: TokenUsage): Promise<void>;
  fail(fault: Fault): Promise<void>;
  /** Cancelled, or its reader went away. */
  leave(outcome: 'cancelled' | 'abandoned'): Promise<void>;
}

/** How large a call is at most. */
export interface CallSize {
  readonly inputTokens: number;
  readonly maxOutputTokens: number;
  /** The answer comes as a whole: before that nobody knows how much of it is written, so that all of it is reckoned with. */
  readonly isUnseen?: boolean;
}

/**
 * Writes an attempt down before it is sent. An open circuit is returned as its error; `cancelled` and whatever the
 * ledger's `begin` throws are thrown.
 */
export async function openAccount(books: Books, size: CallSize, signal: AbortSignal): Promise<Account | ReeveError> {
  const { target, breaker, price, number, ledger, log } = books;
  const { inputTokens, maxOutputTokens } = size;
  if (signal.aborted) throw cancelled(signal);
  let call: OpenCall | undefined;
  try {
    breaker.check();
    call = await ledger?.begin({ ...target, attempt: number(), inputTokens, maxOutputTokens, price });
    // Meanwhile the call may have been cancelled, or the circuit opened.
    if (signal.aborted) throw cancelled(signal);
    return createAccount(books, size, call, breaker.enter());
  } catch (thrown) {
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

function createAccount(
  { target, breaker, instruments, log }: Books,
  { inputTokens, maxOutputTokens, isUnseen }: CallSize,
  call: OpenCall | undefined,
  passage: Passage,
): Account {
  const startedAt = performance.now();
  let firstAt: number | null = null;
  let characters = 0;
  let closed = false;
  const estimate = () => ({
    ...NOTHING_USED,
    inputTokens,
    outputTokens: isUnseen && characters === 0 ? maxOutputTokens : estimateTokens(characters),
    estimated: true,
  });
  async function close(outcome: string, usage: TokenUsage, verdict: Verdict): Promise<void> {
    if (closed) return;
    closed = true;
    const latencyMs = Math.round(performance.now() - startedAt);
    const firstTokenMs = firstAt === null ? null : Math.round(firstAt - startedAt);
    instruments.attempt(target, outcome, latencyMs, firstTokenMs);
    await passage.end(verdict);
    const { estimated } = usage;
    await settle(call, { outcome, usage: callUsage(usage), estimated, firstTokenMs, latencyMs }, log);
  }
  return {
    onOutput(count) {
      firstAt ??= performance.now();
      characters += count;
      // A probe that begins to answer has proved enough: others need not wait for its end.
      if (breaker.state() === 'half_open') void passage.end('ok');
    },
    estimate,
    finish: (usage) => close('ok', usage, 'ok'),
    fail: (fault) => close(fault.error.reason, usageOf(fault, characters, estimate), verdictOf(fault)),
    leave: (outcome) => close(outcome, estimate(), firstAt === null ? 'nothing' : 'ok'),
  };
}

function usageOf({ untouched, usage }: Fault, characters: number, estimate: () => TokenUsage): TokenUsage {
  if (usage !== undefined) return usage;
  return untouched && characters === 0 ? NOTHING_USED : estimate();
}

/** A provider that refuses a call is well; of a failure of unknown kind nothing can be said. */
function verdictOf({ error, outage }: Fault): Verdict {
  if (outage) return 'fault';
  return error.reason === 'upstream_error' ? 'nothing' : 'ok';
}

/** An answer that is there is worth more than its row: the reservation of a call that was not settled expires by itself. */
async function settle(call: OpenCall | undefined, end: CallEnd, log: Log): Promise<void> {
  try {
    await call?.settle(end);
  } catch (error) {
    log.error({ err: error, outcome: end.outcome }, 'a model call could not be settled in the ledger');
  }
}
