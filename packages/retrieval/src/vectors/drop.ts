import type { Tx } from '@reeve/db';
import { sql } from 'kysely';
import type { IndexedText } from '../text.ts';
import { hashOf, embeddingInputOf } from './embedding-input.ts';

/*
 * The lexical index removes vectors in its own transactions and under the lock of its space, so no vector outlives its text. Every
 * statement is cheap if there are no vectors.
 */

interface Space {
  readonly id: number;
  readonly tenantId: string;
}

/** Removes the vectors of texts that go, of every model. */
export async function dropVectors(tx: Tx, { id, tenantId }: Space, refs: readonly string[]): Promise<void> {
  await sql`
    with gone as (
      delete from embeddings where tenant_id = ${tenantId} and space_id = ${id} and ref = any(${refs}::text[])
      returning embedding_id
    )
    ${countGone(id)}`.execute(tx);
}

/** Removes the vectors of texts that are to say something else; one that says the same keeps its own. */
export async function dropChangedVectors(
  tx: Tx,
  { id, tenantId }: Space,
  texts: readonly IndexedText[],
): Promise<void> {
  await sql`
    with gone as (
      delete from embeddings e
      using unnest(${texts.map(({ ref }) => ref)}::text[], ${texts.map((text) => hashOf(embeddingInputOf(text)))}::text[]) as now(ref, hash)
      where e.tenant_id = ${tenantId} and e.space_id = ${id} and e.ref = now.ref and e.hash <> now.hash
      returning e.embedding_id
    )
    ${countGone(id)}`.execute(tx);
}

/** Removes all vectors of a space, of every model. */
export async function dropAllVectors(tx: Tx, { id, tenantId }: Space): Promise<void> {
  await sql`
    with gone as (
      delete from embeddings where tenant_id = ${tenantId} and space_id = ${id} returning embedding_id
    )
    ${countGone(id)}`.execute(tx);
}

function countGone(spaceId: number) {
  return sql`
    update embedding_progress p set version = p.version + 1, vectors = p.vectors - c.count
    from (select embedding_id, count(*)::int as count from gone group by embedding_id) c
    where p.embedding_id = c.embedding_id and p.space_id = ${spaceId}`;
}
