import { inTenant, type Database } from '@reeve/db';
import { sql } from 'kysely';

/** Empties all tables of memory and of the index. */
export async function emptyMemory({ db }: Pick<Database, 'db'>): Promise<void> {
  await sql`truncate embeddings, embedding_progress, embedding_spaces, lexical_spaces, lexical_entries, lexical_terms,
    lexical_blocks, external_stores, external_memories, memories, messages, sessions, playbooks, chunks, documents, personas cascade`.execute(
    db,
  );
}

/** Lists all vectors by ref and model, without their numbers. Throws where the number of vectors that a space counts differs from those it has. */
export async function vectorRows({
  db,
}: Pick<Database, 'db'>): Promise<{ ref: string; model: string; tenant: string }[]> {
  const { rows } = await sql<{ ref: string; model: string; tenant: string }>`
    select v.ref, e.model, v.tenant_id as tenant from embeddings v join embedding_spaces e on e.id = v.embedding_id
    order by v.ref, e.model`.execute(db);
  const { rows: wrong } = await sql`
    select p.* from embedding_progress p where vectors <> (
      select count(*) from embeddings v where v.embedding_id = p.embedding_id and v.space_id = p.space_id
    )`.execute(db);
  if (wrong.length > 0) throw new Error(`counted wrong: ${JSON.stringify(wrong)}`);
  return rows;
}

/** Runs work in the tenant `default`, or in another. */
export function asTenant<T>(
  database: Pick<Database, 'db'>,
  work: Parameters<typeof inTenant<T>>[2],
  tenantId = 'default',
) {
  return inTenant(database.db, tenantId, work);
}
