import type { Db } from '@reeve/db';
import { sql } from 'kysely';

/**
 * Deletes the runs of tasks, with their steps and events. What others still read of them is given to those first: forks get all
 * the steps that they share, and messages of sessions their content.
 */
export async function deleteRunsOf(db: Db, taskIds: readonly string[]): Promise<void> {
  const ids = sql`(select id from runs where task_id = any(${[...taskIds]}::uuid[]))`;
  await sql`update messages m set content = message_content(m) where content is null and run_id in ${ids}`.execute(db);
  const { rows: forks } = await sql<{ id: string }>`
    select id from runs where forked_from in ${ids} and id not in ${ids}`.execute(db);
  for (const { id } of forks) {
    await sql`
      with recursive line as (
        select forked_from as id, fork_step as below from runs where id = ${id}
        union all
        select r.forked_from, least(l.below, r.fork_step) from line l join runs r on r.id = l.id where r.forked_from is not null
      )
      insert into steps (run_id, number, tenant_id, kind, name, tool_call_id, input, output, status, outcome, attempt,
        input_tokens, output_tokens, cost_usd, started_at, ended_at, child_run_id)
      select ${id}, s.number, s.tenant_id, s.kind, s.name, s.tool_call_id, s.input, s.output, s.status, s.outcome, s.attempt,
        s.input_tokens, s.output_tokens, s.cost_usd, s.started_at, s.ended_at, s.child_run_id
      from line l join steps s on s.run_id = l.id and s.number < l.below`.execute(db);
    await db.updateTable('runs').set({ forked_from: null, fork_step: null }).where('id', '=', id).execute();
  }
  // Those that go together may be forks of one another.
  await sql`update runs set forked_from = null, fork_step = null where id in ${ids} and forked_from is not null`.execute(
    db,
  );
  await db
    .deleteFrom('runs')
    .where('task_id', 'in', [...taskIds])
    .execute();
}
