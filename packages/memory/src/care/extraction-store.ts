import type { Db, Tx } from '@reeve/db';
import { sql } from 'kysely';

/** A run from which facts are to be extracted. */
export interface Extraction {
  readonly runId: string;
  readonly tenantId: string;
  readonly sessionId: string;
  readonly personaId: string | null;
  /** The agent's slug. */
  readonly agent: string;
  readonly userId: string;
  readonly traceId: string;
  /** Null: the default model. */
  readonly model: string | null;
  /** The user’s message and the run’s answer. */
  readonly said: string;
  readonly answered: string;
}

/** A claimed extraction; `attempts` includes this one. */
export interface ClaimedExtraction extends Extraction {
  readonly attempts: number;
}

/** Inserts a run once, however often it is called. */
export async function insertExtraction(tx: Tx, one: Extraction): Promise<void> {
  await sql`
    insert into memory_extractions (run_id, tenant_id, session_id, persona_id, agent, user_id, trace_id, model, said, answered)
    values (${one.runId}, ${one.tenantId}, ${one.sessionId}, ${one.personaId}, ${one.agent}, ${one.userId}, ${one.traceId},
      ${one.model}, ${one.said}, ${one.answered})
    on conflict (run_id) do nothing`.execute(tx);
}

/** Claims the run that is due first for the given seconds; undefined if none is due. */
export async function claimExtraction(db: Db, leaseS: number): Promise<ClaimedExtraction | undefined> {
  const { rows } = await sql<ClaimedExtraction>`
    update memory_extractions set attempts = attempts + 1, due_at = reeve_now() + ${leaseS}::float8 * interval '1 s'
    where run_id = (select run_id from memory_extractions where due_at <= reeve_now() order by due_at limit 1 for update skip locked)
    returning run_id as "runId", tenant_id as "tenantId", session_id as "sessionId", persona_id as "personaId", agent,
      user_id as "userId", trace_id as "traceId", model, said, answered, attempts`.execute(db);
  return rows[0];
}

/** Lets all that are taken be taken again at once: for a database of whose users only this process lives. */
export async function releaseExtractions(db: Db): Promise<void> {
  await sql`update memory_extractions set due_at = reeve_now() where due_at > reeve_now()`.execute(db);
}

/** Deletes a claimed extraction; false if another process has claimed it since, which then owns it. */
export async function deleteExtraction(
  tx: Tx,
  { tenantId, runId, attempts }: Pick<ClaimedExtraction, 'tenantId' | 'runId' | 'attempts'>,
): Promise<boolean> {
  const { rows } = await sql`
    delete from memory_extractions where tenant_id = ${tenantId} and run_id = ${runId} and attempts = ${attempts}
    returning run_id`.execute(tx);
  return rows.length === 1;
}

/** Postpones an extraction by the given seconds, unless another process has claimed it since. */
export async function delayExtraction(
  tx: Tx,
  { tenantId, runId, attempts }: ClaimedExtraction,
  delayS: number,
): Promise<void> {
  await sql`
    update memory_extractions set due_at = reeve_now() + ${delayS}::float8 * interval '1 s'
    where tenant_id = ${tenantId} and run_id = ${runId} and attempts = ${attempts}`.execute(tx);
}

/** Whether the persona is still there; true for none. */
export async function hasPersona(tx: Tx, tenantId: string, id: string | null): Promise<boolean> {
  if (id === null) return true;
  const { rows } = await sql`select 1 from personas where tenant_id = ${tenantId} and id = ${id}`.execute(tx);
  return rows.length === 1;
}

/** Whether the session is still there. */
export async function hasSession(tx: Tx, tenantId: string, id: string): Promise<boolean> {
  const { rows } = await sql`select 1 from sessions where tenant_id = ${tenantId} and id = ${id}`.execute(tx);
  return rows.length === 1;
}
