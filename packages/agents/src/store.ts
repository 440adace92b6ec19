import type { Agent } from '@reeve/contract';
import { json, likeText, now, type Db, type Tables } from '@reeve/db';
import { sql, type ExpressionBuilder, type Selectable } from 'kysely';
import { isUuidShaped } from '@reeve/kit';
import { AgentConfig } from './agent.ts';

export interface Paging {
  readonly limit: number;
  readonly offset: number;
}

export interface StoredVersion {
  readonly version: number;
  readonly config: AgentConfig;
  readonly created_at: string;
  readonly created_by: string | null;
}

/** Adds an agent without a version; false, and nothing is added, where its slug is taken. */
export async function insertAgent(
  db: Db,
  agent: { id: string; tenantId: string; slug: string; name: string; builtIn: boolean },
): Promise<boolean> {
  const row = await db
    .insertInto('agents')
    .values({
      id: agent.id,
      tenant_id: agent.tenantId,
      slug: agent.slug,
      name: agent.name,
      version: 1,
      built_in: agent.builtIn,
      created_at: now,
      updated_at: now,
      deleted_at: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

export async function insertVersion(
  db: Db,
  version: { agentId: string; version: number; tenantId: string; config: AgentConfig; createdBy: string },
): Promise<void> {
  await db
    .insertInto('agent_versions')
    .values({
      agent_id: version.agentId,
      version: version.version,
      tenant_id: version.tenantId,
      config: json(version.config),
      created_at: now,
      created_by: version.createdBy,
    })
    .execute();
}

/** Points an agent at a version that was just added; a unique violation where another agent has its slug. */
export async function updateAgentVersion(
  db: Db,
  tenantId: string,
  id: string,
  version: number,
  { slug, name }: AgentConfig,
): Promise<void> {
  await db
    .updateTable('agents')
    .set({ version, slug, name, updated_at: now })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute();
}

export async function updateDeleted(db: Db, tenantId: string, id: string): Promise<void> {
  await db
    .updateTable('agents')
    .set({ deleted_at: now, updated_at: now })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute();
}

/** Locks an agent against changes until the transaction ends; false where it has been deleted. */
export async function lockAgent(db: Db, tenantId: string, id: string): Promise<boolean> {
  const row = await db
    .selectFrom('agents')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .forUpdate()
    .executeTakeFirst();
  return row !== undefined;
}

/** One agent by its id or, in any case, its slug; not a deleted one. */
export async function selectAgent(db: Db, tenantId: string, ref: string): Promise<Agent | undefined> {
  const row = await shown(db)
    .where('agents.tenant_id', '=', tenantId)
    .where('agents.deleted_at', 'is', null)
    .where((eb) =>
      isUuidShaped(ref) ? eb('agents.id', '=', ref) : eb(sql`lower(agents.slug)`, '=', ref.toLowerCase()),
    )
    .executeTakeFirst();
  return row && fromRow(row);
}

export async function selectBuiltinAgents(db: Db, tenantId: string): Promise<Agent[]> {
  const rows = await shown(db)
    .where('agents.tenant_id', '=', tenantId)
    .where('agents.deleted_at', 'is', null)
    .where('agents.built_in', '=', true)
    .execute();
  return rows.map(fromRow);
}

/** A page of the tenant's agents by name, with how many there are in all. */
export async function listAgents(
  db: Db,
  tenantId: string,
  q: string | undefined,
  { limit, offset }: Paging,
): Promise<{ configs: Agent[]; total: number }> {
  const where = matching(tenantId, q);
  const rows = await shown(db)
    .where(where)
    .orderBy(sql`lower(agents.name)`)
    .orderBy('agents.id')
    .limit(limit)
    .offset(offset)
    .execute();
  const { total } = await db
    .selectFrom('agents')
    .where(where)
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  return { configs: rows.map(fromRow), total };
}

/** The slugs in use that are `slug` or begin with `slug-`, in lower case. */
export async function selectSlugs(db: Db, tenantId: string, slug: string): Promise<Set<string>> {
  const rows = await db
    .selectFrom('agents')
    .select(sql<string>`lower(slug)`.as('slug'))
    .where('tenant_id', '=', tenantId)
    .where('deleted_at', 'is', null)
    .where(sql<boolean>`(lower(slug) = ${slug} or starts_with(lower(slug), ${`${slug}-`}))`)
    .execute();
  return new Set(rows.map((row) => row.slug));
}

/** Above this a number is no `int` of PostgreSQL's, so no version has it. */
const LAST_VERSION = 2 ** 31 - 1;

/** A version's configuration, of a deleted agent too. */
export async function selectVersion(db: Db, agentId: string, version: number): Promise<AgentConfig | undefined> {
  if (version > LAST_VERSION) return undefined;
  const row = await db
    .selectFrom('agent_versions')
    .select('config')
    .where('agent_id', '=', agentId)
    .where('version', '=', version)
    .executeTakeFirst();
  return row && AgentConfig.parse(row.config);
}

/** True where the agent has, or once had, exactly this configuration. */
export async function hasVersionWith(db: Db, agentId: string, config: AgentConfig): Promise<boolean> {
  const row = await db
    .selectFrom('agent_versions')
    .select('version')
    .where('agent_id', '=', agentId)
    .where('config', '=', json(config))
    .executeTakeFirst();
  return row !== undefined;
}

/** A page of an agent's versions, newest first, with how many there are in all. */
export async function listVersions(
  db: Db,
  agentId: string,
  { limit, offset }: Paging,
): Promise<{ versions: StoredVersion[]; total: number }> {
  const rows = await db
    .selectFrom('agent_versions')
    .selectAll()
    .where('agent_id', '=', agentId)
    .orderBy('version', 'desc')
    .limit(limit)
    .offset(offset)
    .execute();
  const { total } = await db
    .selectFrom('agent_versions')
    .where('agent_id', '=', agentId)
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  const versions = rows.map((row) => ({
    version: row.version,
    config: AgentConfig.parse(row.config),
    created_at: row.created_at.toISOString(),
    created_by: row.created_by,
  }));
  return { versions, total };
}

type AgentRow = Selectable<Tables['agents']> & { readonly config: unknown };

/** Agents with the configuration of their newest version. */
function shown(db: Db) {
  return db
    .selectFrom('agents')
    .innerJoin('agent_versions', (join) =>
      join.onRef('agent_versions.agent_id', '=', 'agents.id').onRef('agent_versions.version', '=', 'agents.version'),
    )
    .selectAll('agents')
    .select('agent_versions.config');
}

function matching(tenantId: string, q: string | undefined) {
  return (eb: ExpressionBuilder<Tables, 'agents'>) => {
    const conditions = [eb('agents.tenant_id', '=', tenantId), eb('agents.deleted_at', 'is', null)];
    if (q !== undefined)
      conditions.push(eb.or([eb('agents.name', 'ilike', likeText(q)), eb('agents.slug', 'ilike', likeText(q))]));
    return eb.and(conditions);
  };
}

function fromRow(row: AgentRow): Agent {
  return {
    id: row.id,
    tenant_id: row.tenant_id,
    ...AgentConfig.parse(row.config),
    version: row.version,
    built_in: row.built_in,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}
