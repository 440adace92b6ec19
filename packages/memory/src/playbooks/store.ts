import type { Playbook } from '@reeve/contract';
import { json, now, type Db, type Tables, type Tx } from '@reeve/db';
import { sql, type Selectable } from 'kysely';
import { ofPersona } from '../persona-filter.ts';
import type { Paging } from '../store.ts';
import type { PlaybookStep } from './playbook.ts';

/** Whose playbooks: a persona's, or those of agents without one. */
export interface PlaybookScope {
  readonly tenantId: string;
  readonly personaId: string | null;
}

/** A successful run to record. */
export interface Success {
  readonly goal: string;
  readonly steps: readonly PlaybookStep[];
  readonly shape: string;
  readonly runId: string | null;
  readonly sessionId: string | null;
}

const ofScope = ({ tenantId, personaId }: PlaybookScope) =>
  sql<boolean>`tenant_id = ${tenantId} and ${ofPersona(personaId)}`;

/** Lets one transaction at a time change a scope. */
export async function lockPlaybooks(tx: Tx, { tenantId, personaId }: PlaybookScope): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`playbooks ${tenantId} ${personaId}`}, 0))`.execute(tx);
}

export async function insertPlaybook(db: Db, id: string, scope: PlaybookScope, success: Success): Promise<void> {
  await db
    .insertInto('playbooks')
    .values({
      id,
      tenant_id: scope.tenantId,
      persona_id: scope.personaId,
      goal: success.goal,
      steps: json(success.steps),
      shape: success.shape,
      successes: 1,
      run_id: success.runId,
      session_id: success.sessionId,
    })
    .execute();
}

/** Counts another success and stores its steps, which are the most recent. The goal stays, since the playbook is found by it. */
export async function updateSuccess(db: Db, id: string, { steps, runId, sessionId }: Success): Promise<void> {
  await db
    .updateTable('playbooks')
    .set({
      steps: json(steps),
      run_id: runId,
      session_id: sessionId,
      successes: sql`successes + 1`,
      last_success_at: now,
    })
    .where('id', '=', id)
    .execute();
}

/** Counts one failure each; returns the updated playbooks. */
export async function updateFailures(db: Db, scope: PlaybookScope, ids: readonly string[]): Promise<Playbook[]> {
  const rows = await db
    .updateTable('playbooks')
    .set({ failures: sql`failures + 1` })
    .where('id', 'in', [...ids])
    .where(ofScope(scope))
    .returningAll()
    .execute();
  return rows.map(fromRow);
}

/** Removes playbooks; answers those that were there. */
export async function deletePlaybooks(db: Db, tenantId: string, ids: readonly string[]): Promise<Playbook[]> {
  const rows = await db
    .deleteFrom('playbooks')
    .where('tenant_id', '=', tenantId)
    .where('id', 'in', [...ids])
    .returningAll()
    .execute();
  return rows.map(fromRow);
}

/** The one of a shape that was learnt for just that goal. */
export async function selectByGoal(
  db: Db,
  scope: PlaybookScope,
  shape: string,
  goal: string,
): Promise<Playbook | undefined> {
  const row = await db
    .selectFrom('playbooks')
    .selectAll()
    .where(ofScope(scope))
    .where('shape', '=', shape)
    .where('goal', '=', goal)
    .limit(1)
    .executeTakeFirst();
  return row && fromRow(row);
}

/** Playbooks by ID; of one shape if given. */
export async function selectPlaybooks(
  db: Db,
  tenantId: string,
  ids: readonly string[],
  shape?: string,
): Promise<Playbook[]> {
  if (ids.length === 0) return [];
  let query = db
    .selectFrom('playbooks')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', 'in', [...ids]);
  if (shape !== undefined) query = query.where('shape', '=', shape);
  return (await query.execute()).map(fromRow);
}

/** Some playbooks of a scope, those with ids above `after` in their order. */
export function selectGoals(
  db: Db,
  scope: PlaybookScope,
  after: string | undefined,
  limit: number,
): Promise<{ id: string; goal: string }[]> {
  let query = db.selectFrom('playbooks').select(['id', 'goal']).where(ofScope(scope)).orderBy('id').limit(limit);
  if (after !== undefined) query = query.where('id', '>', after);
  return query.execute();
}

/** Those of a scope beyond the first `most`, the least used first to go; never `newest`, which had no time to work yet. */
export async function selectSurplus(db: Db, scope: PlaybookScope, most: number, newest: string): Promise<string[]> {
  const rows = await db
    .selectFrom('playbooks')
    .select('id')
    .where(ofScope(scope))
    .where('id', '<>', newest)
    .orderBy('successes', 'desc')
    .orderBy('last_success_at', 'desc')
    .offset(most - 1)
    .execute();
  return rows.map(({ id }) => id);
}

/** A page of a tenant’s playbooks, latest success first; of one persona if given. */
export async function listPlaybookRows(
  db: Db,
  tenantId: string,
  personaId: string | undefined,
  { limit, offset }: Paging,
): Promise<{ playbooks: Playbook[]; total: number }> {
  const of = sql<boolean>`tenant_id = ${tenantId} and (${personaId ?? null}::uuid is null or persona_id = ${personaId ?? null}::uuid)`;
  const rows = await db
    .selectFrom('playbooks')
    .selectAll()
    .where(of)
    .orderBy('last_success_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .offset(offset)
    .execute();
  const { total } = await db
    .selectFrom('playbooks')
    .where(of)
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  return { playbooks: rows.map(fromRow), total };
}

function fromRow(row: Selectable<Tables['playbooks']>): Playbook {
  return {
    id: row.id,
    tenant_id: row.tenant_id,
    persona_id: row.persona_id,
    goal: row.goal,
    steps: row.steps as PlaybookStep[],
    successes: row.successes,
    failures: row.failures,
    run_id: row.run_id,
    session_id: row.session_id,
    created_at: row.created_at.toISOString(),
    last_success_at: row.last_success_at.toISOString(),
  };
}
