import { recordAudit } from '@reeve/audit';
import type { TaskPolicy } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { DEFAULT_TENANT } from '@reeve/identity';
import type { Principal } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import type { Requester } from '../queue/requester.ts';
import { deletePolicy, tenantExists, upsertPolicy, type PolicyInput } from './policy-store.ts';

/** Throws `forbidden` unless the caller may set a rule for that tenant, or, for null, for all. */
export function requireReach({ tenantId, role }: Principal, tenant: string | null): void {
  if (tenant === tenantId) return;
  if (role === 'admin' && tenantId === DEFAULT_TENANT) return;
  const whose = tenant === null ? 'for every tenant' : `for the tenant ${tenant}`;
  throw new ReeveError('forbidden', `only an admin of the tenant ${DEFAULT_TENANT} may set a rule ${whose}`);
}

/** Sets a rule, with its audit row. Tasks that are there already keep what was decided of them. Throws `not_found` for an unknown tenant. */
export function setPolicy(database: Database, requester: Requester, input: PolicyInput): Promise<TaskPolicy> {
  return database.db.transaction().execute(async (tx) => {
    if (input.tenant !== null && !(await tenantExists(tx, input.tenant)))
      throw new ReeveError('not_found', `there is no tenant ${input.tenant}`);
    const policy = await upsertPolicy(tx, input, requester.userId);
    await recordAudit(tx, [{ ...requester, actor: requester.userId, action: 'POLICY_CHANGED', details: { ...input } }]);
    return policy;
  });
}

/** Takes a rule away, with its audit row. Throws `not_found` where there is none. */
export function removePolicy(
  database: Database,
  requester: Requester,
  tenant: string | null,
  taskType: string,
): Promise<void> {
  return database.db.transaction().execute(async (tx) => {
    if (!(await deletePolicy(tx, tenant, taskType)))
      throw new ReeveError(
        'not_found',
        `there is no rule for ${taskType} ${tenant === null ? 'that is global' : `of the tenant ${tenant}`}`,
      );
    const details = { task_type: taskType, tenant, removed: true };
    await recordAudit(tx, [{ ...requester, actor: requester.userId, action: 'POLICY_CHANGED', details }]);
  });
}
