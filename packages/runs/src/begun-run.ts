import { inTenant, type Db } from '@reeve/db';
import type { RunRequest, StartedRun } from './start.ts';
import { sql } from 'kysely';

/** Clocks are the database's, but what is under way when it is asked has begun a little before. */
const SLACK_MS = 2_000;

/**
 * The run that a request made within the last `sinceMs`, undefined where there is none yet: a commit that is still under
 * way is not seen. Told by the ids of the request, its source and its input.
 */
export async function findBegunRun(
  db: Db,
  { requester: { tenantId, traceId, requestId }, source, input }: RunRequest,
  sinceMs: number,
): Promise<StartedRun | undefined> {
  const found = await inTenant(db, tenantId, (tx) =>
    tx
      .selectFrom('runs')
      .innerJoin('agents', 'agents.id', 'runs.agent_id')
      .select(['runs.id', 'runs.task_id', 'runs.session_id', 'agents.slug'])
      .where('runs.tenant_id', '=', tenantId)
      .where('runs.trace_id', '=', traceId)
      .where('runs.request_id', '=', requestId)
      .where('runs.door', '=', source)
      .where('runs.input', '=', input)
      .where('runs.created_at', '>=', sql<Date>`reeve_now() - make_interval(secs => ${(sinceMs + SLACK_MS) / 1_000})`)
      .orderBy('runs.created_at', 'desc')
      .limit(1)
      .executeTakeFirst(),
  );
  return found && { runId: found.id, taskId: found.task_id, sessionId: found.session_id, agent: found.slug };
}
