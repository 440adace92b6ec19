import { recordAudit } from '@reeve/audit';
import type { Budget } from '@reeve/contract';
import { inTenant, type Database, type Db, type Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import { exhaustionOf } from './budget.ts';
import { nanoOf } from './metering.ts';
import type { BudgetOwner } from './store/applies.ts';
import { insertBudget, lockBudget, selectSpent, updateLimits, type BudgetKey, type Limits } from './store/budget.ts';

/** Who changes a budget, and in which trace. */
export interface Requester {
  readonly tenantId: string;
  readonly userId: string;
  readonly traceId: string;
}

/** New limits of a budget: null takes one away, and one that is left out stays. */
export type LimitsChange = { readonly [Limit in keyof Limits]?: Limits[Limit] | undefined };

/** A budget after its change, and whether it may have room now that it had not. */
export interface Changed {
  readonly budget: Budget;
  readonly raised: boolean;
}

const NO_LIMITS: Limits = { limitTokens: null, limitNano: null };

/** Sets the limits of a budget, with its audit row. Throws `not_found` where there is none and no limit is given. */
export function changeBudget(
  database: Database,
  requester: Requester,
  keyOf: (tx: Tx) => Promise<BudgetKey>,
  change: LimitsChange,
): Promise<Changed> {
  return inTenant(database.db, requester.tenantId, async (tx) => {
    const key = await keyOf(tx);
    if (change.limitTokens != null || change.limitNano != null)
      await insertBudget(tx, key, NO_LIMITS, requester.userId);
    const before = await lockBudget(tx, key);
    const limits = changed(before ?? NO_LIMITS, change);
    if (before === undefined || (isUnlimited(before) && isUnlimited(limits)))
      throw new ReeveError('not_found', `there is no budget of the ${key.scope}${key.ref === '' ? '' : ` ${key.ref}`}`);
    const budget = await updateLimits(tx, key, limits, requester.userId);
    const { scope, ref, limit_tokens, limit_usd } = budget;
    await recordAudit(tx, [
      {
        ...requester,
        actor: requester.userId,
        action: 'BUDGET_CHANGED',
        details: { scope, ref, limit_tokens, limit_usd },
      },
    ]);
    return { budget, raised: mayHaveMoreRoom(before, limits) };
  });
}

/**
 * Gives the run at the root of a tree a budget of its own, in the caller's transaction, before its first call; null does
 * nothing. Does nothing either where it has one, so that what an operator changed stays.
 */
export async function ensureRunBudget(db: Db, tenantId: string, runId: string, limitUsd: string | null): Promise<void> {
  if (limitUsd === null) return;
  const limits = { limitTokens: null, limitNano: nanoOf(limitUsd) };
  await insertBudget(db, { tenantId, scope: 'run', ref: runId }, limits, 'system');
}

/**
 * What to refuse a request with whose calls are counted against a budget that has spent all it may: `budget_exhausted`;
 * undefined where there is none such. Reservations don't count here, since most of each comes back.
 */
export async function exhausted(db: Db, owner: BudgetOwner): Promise<ReeveError | undefined> {
  const budget = await selectSpent(db, owner);
  return budget && exhaustionOf(budget);
}

function changed({ limitTokens, limitNano }: Limits, change: LimitsChange): Limits {
  return {
    limitTokens: change.limitTokens === undefined ? limitTokens : change.limitTokens,
    limitNano: change.limitNano === undefined ? limitNano : change.limitNano,
  };
}

function isUnlimited({ limitTokens, limitNano }: Limits): boolean {
  return limitTokens === null && limitNano === null;
}

/** False only where limits became tighter and none wider: letting runs look in vain is harmless, forgetting them is not. */
function mayHaveMoreRoom(before: Limits, after: Limits): boolean {
  const changes = [
    (after.limitTokens ?? Infinity) - (before.limitTokens ?? Infinity) || 0,
    (after.limitNano ?? Infinity) - (before.limitNano ?? Infinity) || 0,
  ];
  return changes.some((change) => change > 0) || changes.every((change) => change === 0);
}
