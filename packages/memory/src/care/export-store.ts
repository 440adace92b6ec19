import type { Memory } from '@reeve/contract';
import type { Db } from '@reeve/db';
import { sql } from 'kysely';
import { memoryFromRow, type MemoryRow } from '../memory-store.ts';

/** The end of a page: the database’s timestamp, which is finer than a `Date`. */
export interface PagePoint {
  readonly at: string;
  readonly id: string;
}

/** The next memories after a point, oldest first; `last` is undefined at the end. */
export async function selectMemoryPage(
  db: Db,
  tenantId: string,
  personaId: string | undefined,
  after: PagePoint | undefined,
  limit: number,
): Promise<{ memories: Memory[]; last: PagePoint | undefined }> {
  const { rows } = await sql<MemoryRow & { at: string }>`
    select id, tenant_id, persona_id, text, tags, session_id, run_id, created_at, expires_at, superseded_by, created_at::text as at
    from memories
    where tenant_id = ${tenantId} and (expires_at is null or expires_at > reeve_now())
      and (${personaId ?? null}::uuid is null or persona_id = ${personaId ?? null}::uuid)
      and (${after?.at ?? null}::timestamptz is null or (created_at, id) > (${after?.at ?? null}::timestamptz, ${after?.id ?? null}::uuid))
    order by created_at, id limit ${limit}`.execute(db);
  const end = rows.length < limit ? undefined : rows.at(-1);
  return {
    memories: rows.map(({ at: _, ...row }) => memoryFromRow(row)),
    last: end && { at: end.at, id: end.id },
  };
}

/** Removes every memory of a tenant, or of a persona, and answers their ids. */
export async function deleteAllMemories(db: Db, tenantId: string, personaId: string | undefined): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    delete from memories where tenant_id = ${tenantId}
      and (${personaId ?? null}::uuid is null or persona_id = ${personaId ?? null}::uuid) returning id`.execute(db);
  return rows.map(({ id }) => id);
}
