import type { Decision, TaskPolicy } from '@reeve/contract';
import { now, type Db, type Tables } from '@reeve/db';
import type { Selectable } from 'kysely';

/** A rule to set; `tenant` null: for every tenant. */
export interface PolicyInput {
  readonly task_type: string;
  readonly auto_execute: boolean;
  readonly tenant: string | null;
  readonly expires_after_s?: number | null | undefined;
  readonly default_decision: Decision;
}

/** In place of a tenant: every tenant. */
const EVERY = '*';

/** The rules that hold for the tenant of the transaction, which row-level security picks: its own and the global ones. */
export async function listPolicies(db: Db): Promise<TaskPolicy[]> {
  const rows = await db.selectFrom('task_policies').selectAll().orderBy('task_type').orderBy('tenant_id').execute();
  return rows.map(fromRow);
}

export async function upsertPolicy(db: Db, input: PolicyInput, updatedBy: string): Promise<TaskPolicy> {
  const rule = {
    auto_execute: input.auto_execute,
    expires_after_s: input.expires_after_s ?? null,
    default_decision: input.default_decision,
    updated_by: updatedBy,
    updated_at: now,
  };
  const row = await db
    .insertInto('task_policies')
    .values({ tenant_id: input.tenant ?? EVERY, task_type: input.task_type, ...rule })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'task_type']).doUpdateSet(rule))
    .returningAll()
    .executeTakeFirstOrThrow();
  return fromRow(row);
}

/** False where there is no such rule. */
export async function deletePolicy(db: Db, tenant: string | null, taskType: string): Promise<boolean> {
  const row = await db
    .deleteFrom('task_policies')
    .where('tenant_id', '=', tenant ?? EVERY)
    .where('task_type', '=', taskType)
    .returning('task_type')
    .executeTakeFirst();
  return row !== undefined;
}

export async function tenantExists(db: Db, tenantId: string): Promise<boolean> {
  const row = await db.selectFrom('tenants').select('tenant_id').where('tenant_id', '=', tenantId).executeTakeFirst();
  return row !== undefined;
}

function fromRow(row: Selectable<Tables['task_policies']>): TaskPolicy {
  return {
    task_type: row.task_type,
    tenant: row.tenant_id === EVERY ? null : row.tenant_id,
    auto_execute: row.auto_execute,
    expires_after_s: row.expires_after_s,
    default_decision: row.default_decision as Decision,
    updated_by: row.updated_by,
    updated_at: row.updated_at.toISOString(),
  };
}
