import type { Budget, BudgetScope } from '@reeve/contract';
import { now, type Db, type Tables } from '@reeve/db';
import { sql, type Selectable } from 'kysely';
import { shownBudget, type StoredBudget } from '../budget.ts';
import { scopesOf, type BudgetOwner } from './applies.ts';
import { budgetOf, type BudgetRow } from './row.ts';

/** Which budget of a tenant. */
export interface BudgetKey {
  readonly tenantId: string;
  readonly scope: BudgetScope;
  /** '' for the tenant. */
  readonly ref: string;
}

/** Null: no limit. */
export interface Limits {
  readonly limitTokens: number | null;
  readonly limitNano: number | null;
}

/** Adds a budget; does nothing where it is there already. */
export async function insertBudget(
  db: Db,
  { tenantId, scope, ref }: BudgetKey,
  limits: Limits,
  updatedBy: string,
): Promise<void> {
  await db
    .insertInto('budgets')
    .values({
      tenant_id: tenantId,
      scope,
      ref,
      limit_tokens: limits.limitTokens,
      limit_nano: limits.limitNano,
      updated_by: updatedBy,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** A budget, locked until the transaction ends; undefined where there is none. */
export async function lockBudget(db: Db, key: BudgetKey): Promise<StoredBudget | undefined> {
  const row = await db.selectFrom('budgets').selectAll().where(matches(key)).forUpdate().executeTakeFirst();
  return row && budgetOf(row);
}

export async function updateLimits(db: Db, key: BudgetKey, limits: Limits, updatedBy: string): Promise<Budget> {
  const row = await db
    .updateTable('budgets')
    .set({
      limit_tokens: limits.limitTokens,
      limit_nano: limits.limitNano,
      alerted: 0,
      updated_by: updatedBy,
      updated_at: now,
    })
    .where(matches(key))
    .returningAll()
    .executeTakeFirstOrThrow();
  return shown(row);
}

/** A page of a tenant's budgets that have a limit, the widest scope first. */
export async function listBudgets(
  db: Db,
  tenantId: string,
  scope: BudgetScope | undefined,
  { limit, offset }: { limit: number; offset: number },
): Promise<{ budgets: Budget[]; total: number }> {
  let limited = db
    .selectFrom('budgets')
    .where('tenant_id', '=', tenantId)
    .where((is) => is.or([is('limit_tokens', 'is not', null), is('limit_nano', 'is not', null)]));
  if (scope !== undefined) limited = limited.where('scope', '=', scope);
  const rows = await limited
    .selectAll()
    .orderBy(sql`array_position(array['tenant', 'month', 'persona', 'agent', 'run'], scope)`)
    .orderBy('ref')
    .limit(limit)
    .offset(offset)
    .execute();
  const { total } = await limited.select(({ fn }) => fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
  return { budgets: rows.map(shown), total };
}

/** The first budget, by the order of their key, that has spent all it may and counts an owner's calls. */
export async function selectSpent(db: Db, owner: BudgetOwner): Promise<StoredBudget | undefined> {
  const { rows } = await sql<BudgetRow>`
    select b.scope, b.ref, b.limit_tokens, b.spent_tokens, b.reserved_tokens, b.limit_nano, b.spent_nano, b.reserved_nano
    from ${scopesOf(owner)} as a (scope, ref) join budgets b on b.tenant_id = ${owner.tenantId} and b.scope = a.scope and b.ref = a.ref
    where b.spent_tokens >= b.limit_tokens or b.spent_nano >= b.limit_nano
    order by b.scope, b.ref limit 1`.execute(db);
  return rows[0] && budgetOf(rows[0]);
}

/** The run whose budget the tree of a run shares; undefined where there is no such run. */
export async function selectRootRun(db: Db, tenantId: string, runId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('runs')
    .select(['id', 'root_run_id'])
    .where('tenant_id', '=', tenantId)
    .where('id', '=', runId)
    .executeTakeFirst();
  return row && (row.root_run_id ?? row.id);
}

/** Forgets the budgets of the runs of these tasks, before the runs themselves are removed. */
export async function deleteRunBudgets(db: Db, taskIds: readonly string[]): Promise<void> {
  await sql`
    delete from budgets b using runs r
    where r.task_id = any(${[...taskIds]}::uuid[]) and b.tenant_id = r.tenant_id and b.scope = 'run' and b.ref = r.id::text`.execute(
    db,
  );
}

function matches({ tenantId, scope, ref }: BudgetKey) {
  return sql<boolean>`tenant_id = ${tenantId} and scope = ${scope} and ref = ${ref}`;
}

function shown(row: Selectable<Tables['budgets']>): Budget {
  return shownBudget(budgetOf(row), row.updated_by, row.updated_at);
}
