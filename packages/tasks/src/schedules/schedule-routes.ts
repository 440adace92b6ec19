import type { NameAgent } from '@reeve/audit';
import { routes } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { requesterOf, type App } from '@reeve/http';
import { ReeveError, type Log } from '@reeve/kit';
import type { CheckTask } from '../queue/agent-names.ts';
import { dueSchedules, runDueSchedules } from './run-due.ts';
import { changeSchedule, createSchedule, noSchedule, removeSchedule, type ScheduleKind } from './schedule-change.ts';
import { listSchedules, selectSchedule, shownSchedule } from './store.ts';

/** Mounts the routes of schedules; `kinds` are the ready-made ones. */
export function mountSchedules(
  app: App,
  database: Database,
  check: CheckTask,
  kinds: readonly ScheduleKind[],
  log: Log,
  nameAgent: NameAgent,
): void {
  app.mount(routes.listScheduleTypes, ({ principal: { tenantId }, query: { limit, offset } }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const types = [];
      for (const kind of kinds.slice(offset, offset + limit))
        types.push({ ...kind, available: await isAvailable(tx, check, tenantId, kind) });
      return { types, total: kinds.length, limit, offset };
    }),
  );
  app.mount(routes.runDueSchedules, async ({ principal: { tenantId }, body, signal }) => ({
    due: body.dry_run
      ? await dueSchedules(database, tenantId)
      : await runDueSchedules({ database, check, log }, tenantId, signal),
  }));

  app.mount(routes.listSchedules, ({ principal: { tenantId }, query: { limit, offset, agent_id, enabled } }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const filter = {
        agentId: await nameAgent(tx, tenantId, agent_id),
        enabled: enabled === undefined ? undefined : enabled === 'true',
      };
      return { ...(await listSchedules(tx, tenantId, filter, { limit, offset })), limit, offset };
    }),
  );
  app.mount(routes.createSchedule, (call) => createSchedule(database, check, kinds, requesterOf(call), call.body));
  app.mount(routes.getSchedule, ({ principal: { tenantId }, params: { id } }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const schedule = await selectSchedule(tx, tenantId, id);
      if (schedule === undefined) throw noSchedule(id);
      return shownSchedule(schedule);
    }),
  );
  app.mount(routes.updateSchedule, (call) =>
    changeSchedule(database, check, requesterOf(call), call.params.id, call.body),
  );
  app.mount(routes.deleteSchedule, async (call) => {
    await removeSchedule(database, requesterOf(call), call.params.id);
    return null;
  });
}

async function isAvailable(tx: Tx, check: CheckTask, tenantId: string, kind: ScheduleKind): Promise<boolean> {
  try {
    await check(tx, tenantId, kind.agent_id, kind.task_type);
    return true;
  } catch (error) {
    if (error instanceof ReeveError && error.code === 'invalid_argument') return false;
    throw error;
  }
}
