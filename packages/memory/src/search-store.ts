import type { RecallMatch } from '@reeve/contract';
import type { Db } from '@reeve/db';
import { sql, type RawBuilder } from 'kysely';

/** The time against which memories expire. */
export async function selectNow(db: Db): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select reeve_now() as now`.execute(db);
  return rows[0]!.now;
}

/**
 * The memories of these ids that are those personas' (null: nobody's; left out: of any), without those that have expired. Their score
 * is 0: a ranking has it.
 */
export async function selectFoundMemories(
  db: Db,
  tenantId: string,
  ids: readonly string[],
  personas?: readonly (string | null)[],
): Promise<RecallMatch[]> {
  return select(
    db,
    sql`
    select id::text as id, 'memory' as kind, text, tags, session_id, run_id, created_at, superseded_by from memories
    where tenant_id = ${tenantId} and id = any(${ids}::uuid[]) and (expires_at is null or expires_at > reeve_now())
      and ${isOf(sql`persona_id::text`, personas)}`,
  );
}

/**
 * The messages of these names, each `session:position`, that were said in runs of those personas (null: of none, or in no run; left
 * out: all). Their score is 0: a ranking has it.
 */
export async function selectFoundMessages(
  db: Db,
  tenantId: string,
  names: readonly string[],
  personas: readonly (string | null)[] | undefined,
): Promise<RecallMatch[]> {
  return select(
    db,
    sql`
    select m.session_id::text || ':' || m.position as id, 'message' as kind, message_content(m) as text,
      '{}'::text[] as tags, m.session_id, m.run_id, m.created_at, null::uuid as superseded_by
    from unnest(${names}::text[]) as wanted(name)
    join messages m on m.session_id = split_part(wanted.name, ':', 1)::uuid and m.position = split_part(wanted.name, ':', 2)::int
    left join runs r on r.id = m.run_id
    left join agent_versions v on v.agent_id = r.agent_id and v.version = r.agent_version
    where m.tenant_id = ${tenantId} and ${isOf(sql`v.config->>'persona_id'`, personas)}`,
  );
}

/** Whether a persona's id, null for none, is one of those; true where none are given. */
function isOf(persona: RawBuilder<unknown>, personas: readonly (string | null)[] | undefined): RawBuilder<boolean> {
  if (personas === undefined) return sql`true`;
  return sql`coalesce(${persona}, '') = any(${personas.map((wanted) => wanted ?? '')}::text[])`;
}

interface FoundRow {
  readonly id: string;
  readonly kind: RecallMatch['kind'];
  readonly text: string;
  readonly tags: string[];
  readonly session_id: string | null;
  readonly run_id: string | null;
  readonly created_at: Date;
  readonly superseded_by: string | null;
}

async function select(db: Db, query: RawBuilder<unknown>): Promise<RecallMatch[]> {
  const { rows } = await (query as RawBuilder<FoundRow>).execute(db);
  return rows.map(({ session_id, run_id, created_at, ...row }) => ({
    ...row,
    score: 0,
    source: { session_id, run_id },
    created_at: created_at.toISOString(),
  }));
}
