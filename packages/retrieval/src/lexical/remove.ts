import { inTenant, type Db, type Tx } from '@reeve/db';
import { sql } from 'kysely';
import type { Space } from '../space.ts';

/*
 * A space is gone, with all that was found in it, once its row is. The other rows of it follow: at once where they are few, else a
 * piece a transaction.
 *
 *   there ──removed──► named in `removed_spaces` ──piece, piece, …──► (none)
 */

/** Rows of a table that one transaction removes. */
const PIECE = 1_000;

/** What is of a space, and goes with it. */
const TABLES = ['lexical_entries', 'lexical_terms', 'lexical_blocks', 'embeddings', 'embedding_progress'] as const;

/** Removes a space. What is too much for one transaction nobody finds any more; `removeSpaces` removes it. Nothing happens where it is gone already. */
export async function removeSpace(tx: Tx, { id, tenantId }: Space): Promise<void> {
  const gone = await tx
    .deleteFrom('lexical_spaces')
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .returning('id')
    .executeTakeFirst();
  if (gone === undefined) return;
  await tx.insertInto('removed_spaces').values({ space_id: id, tenant_id: tenantId }).execute();
  await removePiece(tx, { id, tenantId });
}

/** Removes all that removed spaces have left, of one tenant or of all, a piece a transaction. */
export async function removeSpaces(
  db: Db,
  { tenantId: only, signal }: { readonly tenantId?: string; readonly signal?: AbortSignal } = {},
): Promise<void> {
  const rows = await db
    .selectFrom('removed_spaces')
    .select(['space_id', 'tenant_id'])
    .$if(only !== undefined, (query) => query.where('tenant_id', '=', only!))
    .execute();
  for (const { space_id: id, tenant_id: tenantId } of rows)
    while (!signal?.aborted && (await inTenant(db, tenantId, (tx) => removePiece(tx, { id, tenantId }))));
}

/** Answers whether there is more. */
async function removePiece(tx: Tx, { id, tenantId }: Space): Promise<boolean> {
  for (const table of TABLES) {
    const { numAffectedRows } = await sql`
      delete from ${sql.table(table)} where ctid = any(array(
        select ctid from ${sql.table(table)} where space_id = ${id} and tenant_id = ${tenantId} limit ${PIECE}
      ))`.execute(tx);
    if (Number(numAffectedRows) >= PIECE) return true;
  }
  await tx.deleteFrom('removed_spaces').where('space_id', '=', id).where('tenant_id', '=', tenantId).execute();
  return false;
}
