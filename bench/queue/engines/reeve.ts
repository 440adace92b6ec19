import { findAgent } from '@reeve/agents';
import { TaskInput } from '@reeve/contract';
import { openDatabase } from '@reeve/db';
import { ReeveError, silentLog } from '@reeve/kit';
import { createEnqueuer, startWorker, type CheckTask, type TaskHandler } from '@reeve/tasks';
import { ensureTenant } from '@reeve/identity';
import { sql } from 'kysely';
import type { Address, Engine, Payload, Scenes } from '../engine.ts';

const requester = { tenantId: 'default', userId: 'bench', traceId: 'bench' };
/** Most tasks of one call. */
const BATCH = 1_000;
/** Finished tasks that one statement writes. */
const WRITTEN = 100_000;

/** Reeve as the program runs it: its journal, audit, counts, fair claims and row-level security are on. */
export async function open({ url, directUrl, dataDirectory = '' }: Address): Promise<Engine> {
  const database = await openDatabase({ url, directUrl, dataDirectory, pool: 15, log: silentLog });
  await ensureTenant(database.db, requester.tenantId);
  const enqueuer = createEnqueuer(
    database,
    handlerOf(() => undefined),
    check,
  );

  const scenes: Scenes = {
    async enqueueForTenants(tasks, tenants) {
      for (let number = 0; number < tenants; number += 1) {
        const tenantId = `tenant-${number}`;
        await ensureTenant(database.db, tenantId);
        for (let left = tasks / tenants; left > 0; left -= BATCH)
          await enqueuer.batch(
            { ...requester, tenantId },
            Array.from({ length: Math.min(left, BATCH) }, () => noTask),
          );
      }
    },

    async limitTenants(maxRunning) {
      await sql`delete from concurrency_limits`.execute(database.db);
      if (maxRunning === null) return;
      await sql`insert into concurrency_limits (tenant_id, agent_id, max_running)
        select tenant_id, '', ${maxRunning} from tenants`.execute(database.db);
    },

    async addFinished(tasks) {
      for (let left = tasks; left > 0; left -= WRITTEN)
        await sql`
          with ended as (
            insert into tasks (id, tenant_id, agent_id, task_type, status, priority, title, payload, result, attempts,
              max_attempts, trace_id, created_by_user_id, created_at, started_at, completed_at, updated_at)
            select reeve_new_id(), 'default', 'assistant', 'bench', 'completed', 0, 'Bench', '{}', 'null', 1,
              3, 'bench', 'bench', at, at, at, at
            from (select reeve_now() - interval '1 hour' as at from generate_series(1, ${Math.min(left, WRITTEN)}::int)) times
            returning id, created_at)
          insert into journal (tenant_id, type, agent_id, task_id, trace_id, summary, created_at)
          select 'default', type, 'assistant', id, 'bench', 'assistant completed "Bench"', created_at
          from ended, unnest(array['task_created', 'task_started', 'task_completed']) as type`.execute(database.db);
    },
  };

  return {
    scenes,

    async enqueueOne(payload) {
      await enqueuer.task(requester, taskOf(payload));
    },

    async enqueueBatch(payloads) {
      await enqueuer.batch(requester, payloads.map(taskOf));
    },

    async startWorker({ concurrency, batch }, handle) {
      return startWorker({
        database,
        handler: handlerOf(handle),
        owner: `bench-${process.pid}`,
        concurrency,
        prefetch: Math.max(0, batch - concurrency),
        leaseMs: 30_000,
        log: silentLog,
      });
    },

    async counts() {
      const { rows } = await sql<{ unfinished: number; completed: number; failed: number; records: number }>`
        select (count(*) filter (where status = 'pending'))::int as unfinished,
               (count(*) filter (where status = 'completed'))::int as completed,
               (count(*) filter (where status in ('failed', 'cancelled') or attempts > 1))::int as failed,
               (select count(*) from journal where task_id is not null)::int as records
        from tasks`.execute(database.db);
      return rows[0]!;
    },

    async clear() {
      // What was audited cannot be deleted but by whoever may change the table.
      await database.db.transaction().execute(async (tx) => {
        await sql`alter table audit disable trigger user`.execute(tx);
        await sql`truncate tasks, ready_tasks, leases, waiting_tasks, task_completion_outbox, task_counts, journal, audit cascade`.execute(
          tx,
        );
        await sql`alter table audit enable trigger user`.execute(tx);
      });
    },

    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

/** As the gateway checks it. */
const check: CheckTask = async (tx, tenantId, agentId) => {
  const agent = await findAgent(tx, tenantId, agentId);
  if (agent === undefined) throw new ReeveError('unknown_agent', `there is no agent ${agentId}`);
  return agent.slug;
};

const noTask = TaskInput.parse({ agent_id: 'assistant', task_type: 'bench', title: 'Bench' });

function taskOf(payload: Payload): TaskInput {
  return { ...noTask, payload: { ...payload } };
}

function handlerOf(handle: (payload: Payload) => void): TaskHandler {
  return {
    async run({ task }) {
      handle(task.payload);
      return { status: 'completed', result: null, summary: '' };
    },
    ended: async () => undefined,
  };
}
