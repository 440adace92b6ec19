import type { Db } from '@reeve/db';
import { sql, type RawBuilder } from 'kysely';

/** Which memories are looked at. */
export interface CleanupRange {
  readonly personaId?: string | undefined;
  /** The ID of the last memory examined before. */
  readonly after?: string | undefined;
  readonly limit: number;
  /** From how many days on a fact from a conversation is stale. */
  readonly staleDays: number;
}

export interface CleanupRow {
  readonly id: string;
  readonly persona_id: string | null;
  readonly text: string;
  readonly superseded_by: string | null;
  readonly is_stale: boolean;
}

/** Whether a memory is kept: it is neither expired nor superseded nor stale. */
export async function isLasting(db: Db, tenantId: string, id: string, staleDays: number): Promise<boolean> {
  const { rows } = await sql`
    select 1 from memories where tenant_id = ${tenantId} and id = ${id} and ${isCurrent}
      and superseded_by is null and not (${isStale(staleDays)})`.execute(db);
  return rows.length === 1;
}

const isCurrent = sql<boolean>`(expires_at is null or expires_at > reeve_now())`;

function isStale(days: number): RawBuilder<boolean> {
  return sql`'extracted' = any(tags) and created_at < reeve_now() - ${days}::float8 * interval '1 day'`;
}

/** The next memories of a range by their ids, whose order is that of their age. */
export async function selectForCleanup(
  db: Db,
  tenantId: string,
  { personaId, after, limit, staleDays }: CleanupRange,
): Promise<CleanupRow[]> {
  const { rows } = await sql<CleanupRow>`
    select id, persona_id, text, superseded_by,
      ${isStale(staleDays)} as is_stale
    from memories
    where tenant_id = ${tenantId} and ${isCurrent}
      and (${personaId ?? null}::uuid is null or persona_id = ${personaId ?? null}::uuid)
      and (${after ?? null}::uuid is null or id > ${after ?? null}::uuid)
    order by id limit ${limit}`.execute(db);
  return rows;
}
