import type { Db } from '@reeve/db';
import { newId, type ReeveError } from '@reeve/kit';
import { refusalOf, type StoredBudget } from './budget.ts';
import { costNano } from './cost.ts';
import type { CallAttempt, CallEnd, CallOwner, CallUsage } from './metering.ts';
import { bookCalls, type EndedCall, type Ending, type NewCall } from './store/book.ts';
import { selectOpenCallsOfStep } from './store/usage.ts';

/*
 * One attempt at a model call in the ledger.
 *
 *   (none) ──begin: reserves──► open ──settle: what was used──► settled
 *                                └──expires: all that it reserved──► settled, as crashed
 *
 * A settled row changes no more: a second settle, or one that comes after the sweep, does nothing. Spent money only grows.
 * In one transaction settle before you begin: calls are locked before budgets.
 */

/** How long an open call is believed in, in milliseconds: longer than any model may take. */
export const HOLD_MS = 1_800_000;

/**
 * Records an attempt and reserves what it may cost at most, alone or in the caller's transaction; answers the row's id.
 * Throws `budget_exhausted`, having written nothing, where a budget has no room or has a limit in money and the price is
 * not known; with `retryAfterMs` where only calls that are under way stand in the way. After `holdMs` the sweep settles it.
 */
export async function beginCall(db: Db, owner: CallOwner, attempt: CallAttempt, holdMs: number): Promise<string> {
  const call = newCall(newId(), owner, attempt, holdMs);
  const { full } = await bookCalls(db, [call], []);
  if (full.length > 0) throw refusalOfCall(call, full);
  return call.id;
}

/** A call that is to be recorded under an id of the caller's own, who can settle it even where no answer came. */
export function newCall(id: string, owner: CallOwner, attempt: CallAttempt, holdMs: number): NewCall {
  const usage = counted({ input: attempt.inputTokens, output: attempt.maxOutputTokens, cached: 0, reasoning: 0 });
  const { input, output } = usage;
  return { id, owner, attempt, input, output, nano: costNano(attempt.price, usage), holdMs };
}

/** Why a call is refused that these budgets have no room for: `budget_exhausted`. */
export function refusalOfCall({ attempt, input, output, nano }: NewCall, full: readonly StoredBudget[]): ReeveError {
  return refusalOf(full, { tokens: input + output, nano, model: `${attempt.provider}/${attempt.model}` });
}

/**
 * Replaces a call's reservation by what was used, alone or in the caller's transaction. Does nothing to a call that is
 * settled already, and says so by false.
 */
export async function settleCall(db: Db, tenantId: string, id: string, end: CallEnd): Promise<boolean> {
  return (await bookCalls(db, [], [endedCall(tenantId, id, end)])).settled.length === 1;
}

/** A call with how it ended, in numbers as the ledger has them. */
export function endedCall(tenantId: string, id: string, ending: Ending): EndedCall {
  return { tenantId, id, ending: whole(ending) };
}

/**
 * Settles as `crashed` what a dead process left open for a step, estimated. `usage` is what is known to have been streamed;
 * what it leaves out is taken from the reservation. It is the last attempt's: those before it streamed nothing, and only what
 * they were sent is counted. Answers how many were open.
 */
export async function settleOpenCalls(
  db: Db,
  tenantId: string,
  runId: string,
  step: number,
  usage: Partial<CallUsage>,
): Promise<number> {
  const calls = await selectOpenCallsOfStep(db, tenantId, runId, step);
  for (const [index, { id, input, output }] of calls.entries()) {
    const used = index === calls.length - 1 ? { input, output, ...usage } : { input, output: 0 };
    const ending = { outcome: 'crashed', usage: { cached: 0, reasoning: 0, ...used }, estimated: true };
    await bookCalls(db, [], [endedCall(tenantId, id, { ...ending, firstTokenMs: null, latencyMs: null })]);
  }
  return calls.length;
}

function whole(ending: Ending): Ending {
  const { usage, firstTokenMs, latencyMs } = ending;
  return {
    ...ending,
    usage: counted(usage),
    firstTokenMs: firstTokenMs === null ? null : count(firstTokenMs),
    latencyMs: latencyMs === null ? null : count(latencyMs),
  };
}

/** Whole tokens, with parts no larger than what they are parts of: estimates are fractions, and providers err. */
function counted({ input, output, cached, reasoning }: CallUsage): CallUsage {
  const used = { input: count(input), output: count(output) };
  return {
    ...used,
    cached: Math.min(count(cached), used.input),
    reasoning: Math.min(count(reasoning), used.output),
  };
}

function count(number: number): number {
  return Number.isFinite(number) ? Math.max(0, Math.ceil(number)) : 0;
}
