import { hold, now, release, type Db, type Tx } from '@reeve/db';
import { sql } from 'kysely';
import { EMBEDDING_INPUT_VERSION } from './embedding-input.ts';

/*
 * All vectors of one model for one tenant
 *
 *   (none) ──adopt──► building ──every text has its vector──► live ──another is live──► retired ──emptied──► (none)
 *                        └──another model is adopted──► retired
 *
 * One is live at most, one is building at most. Only what is live is searched. A model that is wanted again while its old space is
 * being emptied gets a new one.
 */

/** One model's vectors of one tenant. */
export interface EmbeddingSpace {
  readonly id: number;
  readonly tenantId: string;
  /** `provider/model` */
  readonly model: string;
  /** Length of its vectors; null before the first. */
  readonly dimensions: number | null;
}

/**
 * Makes a model the one that a tenant's texts are to have vectors of: its space is there afterwards, and whatever else was being
 * built is not wanted any more. What is live stays so until the new one is whole.
 */
export async function adoptModel(tx: Tx, tenantId: string, model: string): Promise<void> {
  // Two processes that start at once take turns.
  await sql`select pg_advisory_xact_lock(hashtextextended(${`embedding ${tenantId}`}, 0))`.execute(tx);
  await tx
    .updateTable('embedding_spaces')
    .set({ state: 'retired' })
    .where('tenant_id', '=', tenantId)
    .where('state', '=', 'building')
    .where((eb) => eb.not(eb.and({ model, revision: EMBEDDING_INPUT_VERSION })))
    .execute();
  const known = await tx
    .selectFrom('embedding_spaces')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('model', '=', model)
    .where('revision', '=', EMBEDDING_INPUT_VERSION)
    .where('state', '<>', 'retired')
    .executeTakeFirst();
  if (known !== undefined) return;
  await tx
    .insertInto('embedding_spaces')
    .values({ tenant_id: tenantId, model, revision: EMBEDDING_INPUT_VERSION, state: 'building' })
    .execute();
}

/** The space that a tenant's queries are asked of. */
export async function findLive(tx: Tx, tenantId: string): Promise<EmbeddingSpace | undefined> {
  const row = await tx
    .selectFrom('embedding_spaces')
    .select(['id', 'tenant_id', 'model', 'dimensions'])
    .where('tenant_id', '=', tenantId)
    .where('state', '=', 'live')
    .where('revision', '=', EMBEDDING_INPUT_VERSION)
    .executeTakeFirst();
  return row && { id: row.id, tenantId: row.tenant_id, model: row.model, dimensions: row.dimensions };
}

/** Makes a space that has got everywhere the one that answers; false where it has not, or is not building any more. */
export async function goLive(tx: Tx, { id, tenantId }: Pick<EmbeddingSpace, 'id' | 'tenantId'>): Promise<boolean> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`embedding ${tenantId}`}, 0))`.execute(tx);
  const { rows } = await sql<{ id: number }>`
    select id from embedding_spaces where id = ${id} and tenant_id = ${tenantId} and state = 'building' and not exists (
      select from lexical_spaces s left join embedding_progress p on p.space_id = s.id and p.embedding_id = ${id}
      where s.tenant_id = ${tenantId} and s.next_entry > coalesce(p.until, 0) + 1
    )`.execute(tx);
  if (rows.length === 0) return false;
  for (const [from, to] of [
    ['live', 'retired'],
    ['building', 'live'],
  ] as const)
    await tx
      .updateTable('embedding_spaces')
      .set({ state: to })
      .where('tenant_id', '=', tenantId)
      .where('state', '=', from)
      .execute();
  return true;
}

/** Gives a space to one process for a while, or longer to the one that has it; false where another has. */
export function holdSpace(db: Db, id: number, holder: string, holdMs: number): Promise<boolean> {
  return hold(db, 'embedding_spaces', sql`id = ${id} and state <> 'retired'`, { holder, holdMs });
}

/** Lets others have a space at once. */
export function releaseSpace(db: Db, id: number, holder: string): Promise<void> {
  return release(db, 'embedding_spaces', sql`id = ${id}`, holder);
}

/** True while a process may write: it holds the space, which nobody can take until the transaction ends. */
export async function isHeld(tx: Tx, id: number, holder: string): Promise<boolean> {
  const row = await tx
    .selectFrom('embedding_spaces')
    .select('id')
    .where('id', '=', id)
    .where('holder', '=', holder)
    .where('held_until', '>', now)
    .where('state', '<>', 'retired')
    .forUpdate()
    .executeTakeFirst();
  return row !== undefined;
}

/** Removes some vectors of spaces whose place others have taken, and an empty one itself. Answers whether there is more. */
export async function removeNextRetired(db: Db): Promise<boolean> {
  const [space] = await db
    .selectFrom('embedding_spaces')
    .select('id')
    .where('state', '=', 'retired')
    .limit(1)
    .execute();
  if (space === undefined) return false;
  // Those that a text takes along just now are passed over.
  const { rows } = await sql<{ ref: string }>`
    delete from embeddings where (space_id, ref, embedding_id) in (
      select space_id, ref, embedding_id from embeddings where embedding_id = ${space.id} limit ${REMOVED} for update skip locked
    ) returning ref`.execute(db);
  if (rows.length > 0) return true;
  const left = await db.selectFrom('embeddings').select('ref').where('embedding_id', '=', space.id).limit(1).execute();
  if (left.length > 0) return false;
  await db.deleteFrom('embedding_progress').where('embedding_id', '=', space.id).execute();
  await db.deleteFrom('embedding_spaces').where('id', '=', space.id).execute();
  return true;
}

/** Vectors that go in one statement. */
const REMOVED = 500;
