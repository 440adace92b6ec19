import { KNOWLEDGE_BASES, type KnowledgeBase, type Persona, type PersonaPatch } from '@reeve/contract';
import { likeText, now, type Db } from '@reeve/db';
import { isUuidShaped } from '@reeve/kit';
import { sql } from 'kysely';
import type { Paging } from '../store.ts';

/** Slug and name of a persona. */
export interface PersonaFields {
  readonly slug: string;
  readonly name: string;
  readonly description: string;
}

/** Inserts a persona; returns false and inserts nothing if its slug is taken. */
export async function insertPersona(
  db: Db,
  {
    id,
    tenantId,
    createdBy,
    slug,
    name,
    description,
  }: PersonaFields & { id: string; tenantId: string; createdBy: string },
): Promise<boolean> {
  const row = await db
    .insertInto('personas')
    .values({ id, tenant_id: tenantId, slug, name, description, created_by: createdBy })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/** Updates the given fields of a persona; unique violation if the slug is taken. */
export async function updatePersonaRow(db: Db, id: string, fields: PersonaPatch): Promise<void> {
  await db
    .updateTable('personas')
    .set({ slug: fields.slug, name: fields.name, description: fields.description, updated_at: now })
    .where('id', '=', id)
    .execute();
}

/** Deletes a persona with documents, chunks, memories and playbooks, but not their index entries. */
export async function deletePersonaRow(db: Db, tenantId: string, id: string): Promise<void> {
  await db.deleteFrom('memories').where('tenant_id', '=', tenantId).where('persona_id', '=', id).execute();
  await db.deleteFrom('personas').where('id', '=', id).execute();
}

/** Locks a persona until the transaction ends: `key share` keeps it from being deleted, `update` from being used as well. */
export async function lockPersona(db: Db, tenantId: string, id: string, how: 'key share' | 'update'): Promise<boolean> {
  const { rows } =
    await sql`select id from personas where tenant_id = ${tenantId} and id = ${id} for ${sql.raw(how)}`.execute(db);
  return rows.length > 0;
}

/** One persona by its id or, in any case, its slug. */
export async function selectPersona(db: Db, tenantId: string, ref: string): Promise<Persona | undefined> {
  const is = isUuidShaped(ref) ? sql`p.id = ${ref}` : sql`lower(p.slug) = ${ref.toLowerCase()}`;
  const { rows } = await sql<PersonaRow>`${shown(tenantId)} and ${is}`.execute(db);
  return rows[0] && fromRow(rows[0]);
}

/** A page of the tenant's personas by name, with how many there are in all. */
export async function listPersonaRows(
  db: Db,
  tenantId: string,
  q: string | undefined,
  { limit, offset }: Paging,
): Promise<{ personas: Persona[]; total: number }> {
  const matching = q === undefined ? sql`true` : sql`(p.name ilike ${likeText(q)} or p.slug ilike ${likeText(q)})`;
  const page = sql<PersonaRow>`${shown(tenantId)} and ${matching} order by lower(p.name), p.id limit ${limit} offset ${offset}`;
  const { rows } = await page.execute(db);
  const counted = await sql<{ total: number }>`
    select count(*)::int as total from personas p where p.tenant_id = ${tenantId} and ${matching}`.execute(db);
  return { personas: rows.map(fromRow), total: counted.rows[0]!.total };
}

/** The slugs in use that are `slug` or begin with `slug-`, in lower case. */
export async function selectPersonaSlugs(db: Db, tenantId: string, slug: string): Promise<Set<string>> {
  const rows = await db
    .selectFrom('personas')
    .select(sql<string>`lower(slug)`.as('slug'))
    .where('tenant_id', '=', tenantId)
    .where(sql<boolean>`(lower(slug) = ${slug} or starts_with(lower(slug), ${`${slug}-`}))`)
    .execute();
  return new Set(rows.map((row) => row.slug));
}

interface PersonaRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly slug: string;
  readonly name: string;
  readonly description: string;
  readonly created_by: string;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly documents: Partial<Record<KnowledgeBase, number>>;
  readonly agents: number;
}

function shown(tenantId: string) {
  return sql`
    select p.*,
      (select coalesce(jsonb_object_agg(knowledge_base, n), '{}') from (
        select knowledge_base, count(*) as n from documents where persona_id = p.id group by knowledge_base
      ) counted) as documents,
      (select count(*)::int from agents a join agent_versions v on v.agent_id = a.id and v.version = a.version
       where a.tenant_id = p.tenant_id and a.deleted_at is null and v.config ->> 'persona_id' = p.id::text) as agents
    from personas p where p.tenant_id = ${tenantId}`;
}

function fromRow({ documents, created_at, updated_at, ...row }: PersonaRow): Persona {
  const counts = Object.fromEntries(KNOWLEDGE_BASES.map((base) => [base, documents[base] ?? 0]));
  return {
    id: row.id,
    tenant_id: row.tenant_id,
    slug: row.slug,
    name: row.name,
    description: row.description,
    documents: counts as Record<KnowledgeBase, number>,
    agents: row.agents,
    created_by: row.created_by,
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
  };
}
