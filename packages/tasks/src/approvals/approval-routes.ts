import type { NameAgent } from '@reeve/audit';
import { routes } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { requesterOf, type App } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import { decideApproval, decideTask } from './approval.ts';
import type { CheckTask } from '../queue/agent-names.ts';
import { setLimit, shownLimit } from '../limits/limit.ts';
import { removePolicy, requireReach, setPolicy } from './policy.ts';
import { listApprovals, selectApproval } from './store.ts';
import { selectLimitsOf } from '../limits/store.ts';
import { listPolicies } from './policy-store.ts';
import { selectTasks } from '../queue/store/read.ts';
import type { TaskHandler } from '../queue/task.ts';

/** Mounts the routes of approvals, of the policies that ask for them, and of concurrency limits. */
export function mountApprovals(
  app: App,
  database: Database,
  handler: TaskHandler,
  check: CheckTask,
  nameAgent: NameAgent,
): void {
  app.mount(routes.listApprovals, ({ principal: { tenantId }, query }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const { limit, offset, status, kind, agent_id, task_id, run_id } = query;
      const filter = { status, kind, agentId: await nameAgent(tx, tenantId, agent_id), taskId: task_id, runId: run_id };
      return { ...(await listApprovals(tx, tenantId, filter, { limit, offset })), limit, offset };
    }),
  );

  app.mount(routes.listPendingApproval, ({ principal: { tenantId }, query }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const { approvals, total } = await listApprovals(tx, tenantId, { status: 'pending', kind: 'task' }, query);
      const tasks = await selectTasks(
        tx,
        approvals.map(({ task_id }) => task_id),
      );
      const shown = approvals.flatMap((approval) => {
        const task = tasks.find(({ id }) => id === approval.task_id);
        return task === undefined ? [] : [{ ...task, approval }];
      });
      return { tasks: shown, total, ...query };
    }),
  );

  app.mount(routes.getApproval, ({ principal: { tenantId }, params: { id } }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const approval = await selectApproval(tx, tenantId, id);
      if (approval === undefined) throw new ReeveError('not_found', `there is no approval ${id}`);
      return approval;
    }),
  );

  app.mount(routes.decideApproval, async (call) => {
    const { decision, reason, edited_input, result } = call.body;
    const given = { decision, editedInput: edited_input ?? undefined, result };
    const { approval } = await decideApproval(
      database,
      handler,
      requesterOf(call),
      call.params.id,
      given,
      reason || null,
    );
    return approval;
  });

  app.mount(routes.decideTask, async (call) => {
    const { decision, reason } = call.body;
    const { task, journalEntryId } = await decideTask(
      database,
      handler,
      requesterOf(call),
      call.params.id,
      decision,
      reason || null,
    );
    return { task, journal_entry_id: journalEntryId };
  });

  app.mount(routes.listPolicies, ({ principal: { tenantId }, query: { limit, offset } }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const policies = await listPolicies(tx);
      return { policies: policies.slice(offset, offset + limit), total: policies.length, limit, offset };
    }),
  );
  app.mount(routes.putPolicy, (call) => {
    const tenant = call.body.tenant ?? null;
    requireReach(call.principal, tenant);
    return setPolicy(database, requesterOf(call), { ...call.body, tenant });
  });
  app.mount(routes.deletePolicy, async (call) => {
    const tenant = call.query.tenant ?? null;
    requireReach(call.principal, tenant);
    await removePolicy(database, requesterOf(call), tenant, call.params.task_type);
    return null;
  });

  app.mount(routes.listLimits, ({ principal: { tenantId }, query: { limit, offset } }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const limits = (await selectLimitsOf(tx, tenantId)).map(shownLimit);
      return { limits: limits.slice(offset, offset + limit), total: limits.length, limit, offset };
    }),
  );
  app.mount(routes.putLimit, async (call) => {
    const requester = requesterOf(call);
    const { agent_id, max_running } = call.body;
    const agentId =
      agent_id == null
        ? null
        : await inTenant(database.db, requester.tenantId, (tx) => check(tx, requester.tenantId, agent_id, 'any'));
    const limits = await setLimit(database, requester, agentId, max_running);
    return { limits, total: limits.length, limit: limits.length, offset: 0 };
  });
}
