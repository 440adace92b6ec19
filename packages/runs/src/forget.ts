import type { Db } from '@reeve/db';
import { sql } from 'kysely';

/**
 * Deletes the runs of tasks, with their steps and events. What others still read of them is given to those first: forks get the
 * steps that they share, and messages of sessions their content.
 */
export async function deleteRunsOf(db: Db, taskIds: readonly string[]): Promise<void> {
  const ids = sql`(select id from runs where task_id = any(${[...taskIds]}::uuid[]))`;
  await sql`update messages m set content = message_content(m) where content is null and run_id in ${ids}`.execute(db);
  for (;;) {
    // A fork of a fork reads through the one between, so the oldest are given away first.
    const { rows } = await sql<{ id: string; forked_from: string; fork_step: number }>`
      select f.id, f.forked_from, f.fork_step from runs f join runs r on r.id = f.forked_from
      where f.forked_from in ${ids} and r.forked_from is null limit 100`.execute(db);
    if (rows.length === 0) break;
    for (const fork of rows) {
      await sql`
        insert into steps (run_id, number, tenant_id, kind, name, tool_call_id, input, output, status, outcome, attempt,
          input_tokens, output_tokens, cost_usd, started_at, ended_at)
        select ${fork.id}, number, tenant_id, kind, name, tool_call_id, input, output, status, outcome, attempt,
          input_tokens, output_tokens, cost_usd, started_at, ended_at
        from steps where run_id = ${fork.forked_from} and number < ${fork.fork_step}`.execute(db);
      await db.updateTable('runs').set({ forked_from: null, fork_step: null }).where('id', '=', fork.id).execute();
    }
  }
  await db
    .deleteFrom('runs')
    .where('task_id', 'in', [...taskIds])
    .execute();
}
