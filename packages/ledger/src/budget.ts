import { BUDGET_SCOPES, type Budget, type BudgetScope } from '@reeve/contract';
import { ReeveError } from '@reeve/kit';
import { usdOf } from './metering.ts';

/** What may be spent on model calls. Money is in billionths of a US dollar; a limit that is null is none. */
export interface StoredBudget {
  readonly scope: BudgetScope;
  readonly ref: string;
  readonly limitTokens: number | null;
  readonly spentTokens: number;
  readonly reservedTokens: number;
  readonly limitNano: number | null;
  readonly spentNano: number;
  readonly reservedNano: number;
}

/** The most that a call may use; `nano` is null where its price is not known. */
export interface Need {
  readonly tokens: number;
  readonly nano: number | null;
  /** Provider and model, for the error. */
  readonly model: string;
}

/** When a call that only the reservations of others keep out may be tried again. */
const RETRY_MS = 1_000;

/** A budget as the API shows it. What is left is never below zero: a call can cost more than it reserved. */
export function shownBudget(budget: StoredBudget, updatedBy: string, updatedAt: Date): Budget {
  const { limitTokens, spentTokens, reservedTokens, limitNano, spentNano, reservedNano } = budget;
  return {
    scope: budget.scope,
    ref: budget.ref,
    limit_tokens: limitTokens,
    spent_tokens: spentTokens,
    reserved_tokens: reservedTokens,
    left_tokens: left(limitTokens, spentTokens + reservedTokens),
    limit_usd: limitNano === null ? null : usdOf(limitNano),
    spent_usd: usdOf(spentNano),
    reserved_usd: usdOf(reservedNano),
    left_usd: limitNano === null ? null : usdOf(left(limitNano, spentNano + reservedNano) ?? 0),
    updated_by: updatedBy,
    updated_at: updatedAt.toISOString(),
  };
}

/**
 * Why a call is refused that these budgets have no room for: `budget_exhausted`, told by the widest of those that only
 * more money helps. Has `retryAfterMs` where other calls that are under way may leave enough room.
 */
export function refusalOf(full: readonly StoredBudget[], need: Need): ReeveError {
  const widest = [...full].sort((a, b) => BUDGET_SCOPES.indexOf(a.scope) - BUDGET_SCOPES.indexOf(b.scope));
  const spent = widest.find((budget) => !fitsWithoutReservations(budget, need));
  const retry = spent === undefined ? { retryAfterMs: RETRY_MS } : {};
  return new ReeveError('budget_exhausted', shownRefusal(spent ?? widest[0]!, need), retry);
}

/** What is said where a budget has nothing left, whatever a call would need. */
export function exhaustionOf(budget: StoredBudget): ReeveError {
  const { limitTokens, spentTokens, limitNano } = budget;
  const spent =
    limitTokens !== null && spentTokens >= limitTokens
      ? `all of its ${limitTokens} tokens`
      : `all of its $${usdOf(limitNano ?? 0)}`;
  return new ReeveError('budget_exhausted', `the budget of ${nameOf(budget)} has spent ${spent}; ${remedyOf(budget)}`);
}

const remedyOf = ({ scope }: StoredBudget) =>
  scope === 'month'
    ? 'it is the tenant’s policy: PATCH /api/v1/tenants/{id}, or the tenants file, raises it'
    : 'an operator can raise it with PUT /api/v1/budgets';

function shownRefusal(budget: StoredBudget, { tokens, nano, model }: Need): string {
  const { limitTokens, spentTokens, reservedTokens, limitNano, spentNano, reservedNano } = budget;
  const whose = `the budget of ${nameOf(budget)}`;
  if (limitNano !== null && nano === null)
    return `${whose} is limited to $${usdOf(limitNano)}, and the price of ${model} is not known: add it to conf/models.yaml`;
  if (limitTokens !== null && spentTokens + reservedTokens + tokens > limitTokens) {
    const ofTokens = left(limitTokens, spentTokens + reservedTokens);
    const held = reservedTokens > 0 ? `, while ${reservedTokens} are reserved by calls under way` : '';
    return `${whose} has ${ofTokens} of ${limitTokens} tokens left${held}, and this call may use ${tokens}; ${remedyOf(budget)}`;
  }
  const held = reservedNano > 0 ? `, while $${usdOf(reservedNano)} is reserved by calls under way` : '';
  const ofMoney = `$${usdOf(left(limitNano, spentNano + reservedNano) ?? 0)} of $${usdOf(limitNano ?? 0)}`;
  return `${whose} has ${ofMoney} left${held}, and this call may cost $${usdOf(nano ?? 0)}; ${remedyOf(budget)}`;
}

function fitsWithoutReservations(budget: StoredBudget, { tokens, nano }: Need): boolean {
  const { limitTokens, spentTokens, limitNano, spentNano } = budget;
  return (
    (limitTokens === null || spentTokens + tokens <= limitTokens) &&
    (limitNano === null || (nano !== null && spentNano + nano <= limitNano))
  );
}

function nameOf({ scope, ref }: StoredBudget): string {
  if (scope === 'tenant') return 'the tenant';
  // Named by persona and month: `default:2026-11`.
  return scope === 'month' ? `persona ${ref.replace(':', ' in ')}` : `the ${scope} ${ref}`;
}

function left(limit: number | null, taken: number): number | null {
  return limit === null ? null : Math.max(0, limit - taken);
}
