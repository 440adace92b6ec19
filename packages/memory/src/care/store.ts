import type { Db } from '@reeve/db';
import { sql } from 'kysely';
import { ofPersona } from '../persona-filter.ts';

/** A memory as new ones are compared with it. */
export interface Known {
  readonly id: string;
  readonly text: string;
  readonly superseded_by: string | null;
}

/** The memory of a persona with that digest. */
export async function selectByDigest(
  db: Db,
  { tenantId, personaId, digest }: { tenantId: string; personaId: string | null; digest: string },
): Promise<Known | undefined> {
  const { rows } = await sql<Known>`
    select id, text, superseded_by from memories where tenant_id = ${tenantId}
      and ${ofPersona(personaId)} and digest = ${digest}`.execute(db);
  return rows[0];
}

/** Those of the memories of these ids whose time is not over. */
export async function selectKnown(db: Db, tenantId: string, ids: readonly string[]): Promise<Known[]> {
  const { rows } = await sql<Known>`
    select id, text, superseded_by from memories
    where tenant_id = ${tenantId} and id = any(${ids}::uuid[]) and (expires_at is null or expires_at > reeve_now())`.execute(
    db,
  );
  return rows;
}

/** Tags of one memory. */
const MOST_TAGS = 50;

/** Gives a memory the tags of another one too, as far as there is room, and lets it last as long as the longer of the two. */
export async function updateMerged(
  db: Db,
  id: string,
  { tags, ttlS }: { readonly tags: readonly string[]; readonly ttlS: number | null },
): Promise<void> {
  await sql`
    update memories set
      tags = array(select tag from unnest(tags || ${[...tags]}::text[]) with ordinality as all_tags(tag, at)
        group by tag order by min(at) limit ${MOST_TAGS}),
      expires_at = case when expires_at is null or ${ttlS}::float8 is null then null
        else greatest(expires_at, reeve_now() + ${ttlS}::float8 * interval '1 s') end
    where id = ${id}`.execute(db);
}

/** Puts a memory in the place of others; in its own there is none then. */
export async function updateSuperseded(db: Db, id: string, older: readonly string[]): Promise<void> {
  await sql`update memories set superseded_by = null where id = ${id} and superseded_by is not null`.execute(db);
  if (older.length > 0)
    await sql`update memories set superseded_by = ${id} where id = any(${[...older]}::uuid[])`.execute(db);
}

/** The memories that the given ones supersede, without themselves. */
export async function selectReplaced(db: Db, by: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from memories where superseded_by = any(${by}::uuid[]) and id <> all(${by}::uuid[])`.execute(db);
  return rows.map(({ id }) => id);
}

/** Unlinks a memory from those it supersedes and from the one that supersedes it. */
export async function updateParted(db: Db, id: string): Promise<void> {
  await sql`update memories set superseded_by = null where id = ${id} or superseded_by = ${id}`.execute(db);
}
