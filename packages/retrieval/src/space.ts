import type { Db, Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import { sql, type RawBuilder } from 'kysely';
import { dropAllVectors } from './vectors/drop.ts';
import { ANALYZER_VERSION } from './lexical/analyze.ts';

/** Texts of one tenant that are searched together. */
export interface Space {
  readonly id: number;
  readonly tenantId: string;
}

/** Identifies a space. Owner and kind mean nothing here: callers choose them. */
export interface SpaceKey {
  readonly tenantId: string;
  /** Null: the space has no owner. */
  readonly ownerId: string | null;
  readonly kind: string;
}

/** Returns the space with this key and creates it if it is missing; concurrent calls create one space. */
export async function ensureSpace(tx: Tx, { tenantId, ownerId, kind }: SpaceKey): Promise<Space> {
  const [found] = await findSpaces(tx, { tenantId, ownerId, kinds: [kind] });
  if (found !== undefined) return found;
  const { rows } = await sql<{ id: number }>`
    insert into lexical_spaces (tenant_id, owner_id, kind, analyzer_version)
    values (${tenantId}, ${ownerId}, ${kind}, ${ANALYZER_VERSION})
    on conflict (tenant_id, kind, ${ownerKey}) do update set kind = excluded.kind
    returning id`.execute(tx);
  return { id: rows[0]!.id, tenantId };
}

/** Finds a tenant's spaces of these kinds: those of one owner, those without an owner (null), or all of them (undefined). */
export async function findSpaces(
  db: Db,
  { tenantId, ownerId, kinds }: { tenantId: string; ownerId?: string | null; kinds: readonly string[] },
): Promise<Space[]> {
  const rows = await db
    .selectFrom('lexical_spaces')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('kind', 'in', [...kinds])
    .$if(ownerId !== undefined, (query) => query.where(isOwnedBy(ownerId ?? null)))
    .orderBy('id')
    .execute();
  return rows.map(({ id }) => ({ id, tenantId }));
}

/** The numbers that the next text and the next new term of a space get. */
export interface SpaceNumbers {
  readonly nextEntry: number;
  readonly nextTerm: number;
}

/**
 * Makes others who would change the space wait until the transaction ends. Whoever locks rows of its own besides does so
 * afterwards. Throws `not_found` where there is no such space.
 */
export async function lockSpace(tx: Tx, { id, tenantId }: Space): Promise<SpaceNumbers> {
  const row = await tx
    .selectFrom('lexical_spaces')
    .select(['next_entry', 'next_term'])
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) throw new ReeveError('not_found', `there is no lexical space ${id}`);
  return { nextEntry: row.next_entry, nextTerm: row.next_term };
}

/** A space that an older analyzer filled. */
export interface StaleSpace extends Space, SpaceKey {}

/** Finds all spaces whose texts have to be indexed again because the analyzer has changed. */
export async function findStaleSpaces(db: Db): Promise<StaleSpace[]> {
  const rows = await db
    .selectFrom('lexical_spaces')
    .select(['id', 'tenant_id', 'kind', 'owner_id'])
    .where('analyzer_version', '<', ANALYZER_VERSION)
    .orderBy('id')
    .execute();
  return rows.map(({ id, tenant_id, kind, owner_id }) => ({ id, tenantId: tenant_id, kind, ownerId: owner_id }));
}

/** Locks a space that an older analyzer filled, and answers how far it has been renewed: null where nothing has been. Undefined where it is not stale any more, or gone. */
export async function lockStale(tx: Tx, { id, tenantId }: Space): Promise<string | null | undefined> {
  const row = await tx
    .selectFrom('lexical_spaces')
    .select('renewed_until')
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .where('analyzer_version', '<', ANALYZER_VERSION)
    .forUpdate()
    .executeTakeFirst();
  return row?.renewed_until;
}

/** Records that all texts of a stale space up to this ref are indexed by the current analyzer. */
export async function noteRenewed(tx: Tx, { id }: Space, ref: string): Promise<void> {
  await tx.updateTable('lexical_spaces').set({ renewed_until: ref }).where('id', '=', id).execute();
}

/** Marks a space as indexed by the current analyzer. */
export async function finishRenewal(tx: Tx, { id }: Space): Promise<void> {
  await tx
    .updateTable('lexical_spaces')
    .set({ analyzer_version: ANALYZER_VERSION, renewed_until: null })
    .where('id', '=', id)
    .execute();
}

/**
 * Takes every text out of a space, with its vectors; it is from now on one of today's analyzer. Numbers go on: whoever is embedding
 * what was there takes none of what comes for it. Throws `not_found`.
 */
export async function clearSpace(tx: Tx, space: Space): Promise<void> {
  await lockSpace(tx, space);
  for (const table of ['lexical_entries', 'lexical_terms', 'lexical_blocks'] as const)
    await tx.deleteFrom(table).where('space_id', '=', space.id).where('tenant_id', '=', space.tenantId).execute();
  await dropAllVectors(tx, space);
  await tx
    .updateTable('lexical_spaces')
    .set({ analyzer_version: ANALYZER_VERSION, renewed_until: null, entries: 0, length: 0 })
    .where('id', '=', space.id)
    .execute();
}

/** What stands for no owner in the unique index over owners. */
const noOwner = sql.lit('00000000-0000-0000-0000-000000000000');

/** A row's owner, as that index has it. */
const ownerKey = sql`coalesce(owner_id, ${noOwner})`;

function isOwnedBy(ownerId: string | null): RawBuilder<boolean> {
  return sql<boolean>`${ownerKey} = coalesce(${ownerId}::uuid, ${noOwner})`;
}
