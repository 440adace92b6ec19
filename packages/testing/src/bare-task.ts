import { json, now, type Database } from '@reeve/db';
import { newId } from '@reeve/kit';

interface BareTask {
  readonly status?: string;
  readonly agentId?: string;
  readonly taskType?: string;
  readonly traceId?: string;
}

/** Writes a task of the tenant `default` that is in no queue, for tests of what only reads tasks. Answers its id. */
export async function insertBareTask(
  { db }: Database,
  { status = 'pending', agentId = 'ada', taskType = 'chat', traceId = 't' }: BareTask = {},
): Promise<string> {
  const id = newId();
  await db
    .insertInto('tasks')
    .values({
      id,
      tenant_id: 'default',
      agent_id: agentId,
      task_type: taskType,
      status,
      priority: 0,
      title: 'x',
      payload: json({}),
      max_attempts: 1,
      trace_id: traceId,
      created_at: now,
      updated_at: now,
    })
    .execute();
  return id;
}
