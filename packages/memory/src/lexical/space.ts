import type { Db, Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import { sql } from 'kysely';
import { ofPersona, personaKey } from '../of-persona.ts';
import { dropAllVectors } from '../vectors/drop.ts';
import { ANALYZER_VERSION } from './analyze.ts';

/** What may be searched together: one persona's base of one tenant. */
export interface Space {
  readonly id: number;
  readonly tenantId: string;
}

/** `memory` and `message`: what was remembered and said; `playbook`: what worked. The others: documents of a persona's bases. */
export type SpaceKind = 'memory' | 'message' | 'domain' | 'body' | 'mind' | 'soul' | 'playbook';

/** The space of that persona (null: of none) and kind, made where it is missing; two who make it at once make one. */
export async function ensureSpace(
  tx: Tx,
  { tenantId, personaId, kind }: { tenantId: string; personaId: string | null; kind: SpaceKind },
): Promise<Space> {
  const [found] = await findSpaces(tx, { tenantId, personaId, kinds: [kind] });
  if (found !== undefined) return found;
  const { rows } = await sql<{ id: number }>`
    insert into lexical_spaces (tenant_id, persona_id, kind, analyzer_version)
    values (${tenantId}, ${personaId}, ${kind}, ${ANALYZER_VERSION})
    on conflict (tenant_id, kind, ${personaKey}) do update set kind = excluded.kind
    returning id`.execute(tx);
  return { id: rows[0]!.id, tenantId };
}

/** The tenant's spaces of those kinds: of that persona, of none where it is null, of all and none where it is not given. */
export async function findSpaces(
  db: Db,
  { tenantId, personaId, kinds }: { tenantId: string; personaId?: string | null; kinds: readonly SpaceKind[] },
): Promise<Space[]> {
  const rows = await db
    .selectFrom('lexical_spaces')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('kind', 'in', [...kinds])
    .$if(personaId !== undefined, (query) => query.where(ofPersona(personaId ?? null)))
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

/** A space that was filled by an older analyzer. */
export interface StaleSpace extends Space {
  readonly kind: SpaceKind;
  readonly personaId: string | null;
}

/** Those there are: their texts are to be indexed anew. */
export async function findStaleSpaces(db: Db): Promise<StaleSpace[]> {
  const rows = await db
    .selectFrom('lexical_spaces')
    .select(['id', 'tenant_id', 'kind', 'persona_id'])
    .where('analyzer_version', '<', ANALYZER_VERSION)
    .orderBy('id')
    .execute();
  return rows.map(({ id, tenant_id, kind, persona_id }) => ({
    id,
    tenantId: tenant_id,
    kind: kind as SpaceKind,
    personaId: persona_id,
  }));
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

/** Says that all texts of a space are indexed by today's analyzer; false, as there is no more to do. */
export async function finishRenewal(tx: Tx, { id }: Space): Promise<false> {
  await tx
    .updateTable('lexical_spaces')
    .set({ analyzer_version: ANALYZER_VERSION, renewed_until: null })
    .where('id', '=', id)
    .execute();
  return false;
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
