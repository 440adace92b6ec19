import { json, now, type Db, type Tables, type Tx } from '@reeve/db';
import { sql, type Selectable } from 'kysely';
import { z } from 'zod';
import { RemoteTool, type ListedServer, type ToolListing, type StoredServer, type Target } from './server.ts';

export interface Paging {
  readonly limit: number;
  readonly offset: number;
}

/** The fields that a caller sets. */
export type ServerFields = Pick<StoredServer, 'name' | 'target' | 'enabled' | 'timeoutMs'>;

/** The columns that every reader needs, without the tool list, which may be long. */
const COLUMNS = [
  'id',
  'tenant_id',
  'name',
  'transport',
  'url',
  'headers',
  'command',
  'args',
  'env',
  'enabled',
  'timeout_ms',
  'revision',
  'protocol_version',
  'server_name',
  'server_version',
  'listed_at',
  'checked_at',
  'last_error',
  'created_by',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof Tables['mcp_servers'])[];
const TOOL_COUNT = sql<number>`jsonb_array_length(tools)`;

/** The age at which a list is due, and the pause after a failure. */
const DUE = sql<boolean>`enabled and coalesce(
  checked_at < ${now} - case when last_error is null then interval '5 minutes' else interval '1 minute' end, true)`;

/** Serializes transactions that add servers to a tenant. */
export async function lockServers(tx: Tx, tenantId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`mcp_servers ${tenantId}`}, 0))`.execute(tx);
}

/** Inserts a server. Returns false and inserts nothing if the name is taken. */
export async function insertServer(
  db: Db,
  of: { id: string; tenantId: string; createdBy: string },
  fields: ServerFields,
): Promise<boolean> {
  const row = await db
    .insertInto('mcp_servers')
    .values({ id: of.id, tenant_id: of.tenantId, created_by: of.createdBy, ...toRow(fields), ...toListedRow(NOTHING) })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'name']).doNothing())
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/** Updates a server. Another URL or program clears its tool list; other headers or variables make the list due. */
export async function updateServer(
  db: Db,
  id: string,
  fields: ServerFields,
  change: { isMoved: boolean; isAskedOtherwise: boolean },
): Promise<void> {
  await db
    .updateTable('mcp_servers')
    .set({
      ...toRow(fields),
      updated_at: now,
      ...(change.isAskedOtherwise && { revision: sql`revision + 1`, checked_at: null, last_error: null }),
      ...(change.isMoved && { ...toListedRow(NOTHING), listed_at: null }),
    })
    .where('id', '=', id)
    .execute();
}

/** Stores a list read under a revision; does nothing if the server changed meanwhile. */
export async function updateListed(db: Db, { id, revision }: StoredServer, listing: ToolListing): Promise<void> {
  await db
    .updateTable('mcp_servers')
    .set({ ...toListedRow(listing), listed_at: now, checked_at: now, last_error: null })
    .where('id', '=', id)
    .where('revision', '=', revision)
    .execute();
}

/** Records why a list could not be read; the previous list stays. */
export async function updateFailed(db: Db, { id, revision }: StoredServer, error: string): Promise<void> {
  await db
    .updateTable('mcp_servers')
    .set({ checked_at: now, last_error: error })
    .where('id', '=', id)
    .where('revision', '=', revision)
    .execute();
}

/** Deletes a server and returns it; undefined if none exists. */
export async function deleteServerRow(db: Db, tenantId: string, id: string): Promise<StoredServer | undefined> {
  const row = await db
    .deleteFrom('mcp_servers')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .returning([...COLUMNS, TOOL_COUNT.as('tool_count'), DUE.as('is_due')])
    .executeTakeFirst();
  return row && fromRow(row);
}

export async function selectServer(db: Db, tenantId: string, id: string): Promise<StoredServer | undefined> {
  const row = await shown(db).where('tenant_id', '=', tenantId).where('id', '=', id).executeTakeFirst();
  return row && fromRow(row);
}

/** Selects a server and locks it until the transaction ends. */
export async function lockServer(db: Db, tenantId: string, id: string): Promise<StoredServer | undefined> {
  const row = await shown(db).where('tenant_id', '=', tenantId).where('id', '=', id).forUpdate().executeTakeFirst();
  return row && fromRow(row);
}

/** The enabled servers by name, with their tools. */
export async function selectEnabled(db: Db, tenantId: string): Promise<ListedServer[]> {
  const rows = await shown(db)
    .select('tools')
    .where('tenant_id', '=', tenantId)
    .where('enabled', '=', true)
    .orderBy('name')
    .execute();
  return rows.map((row) => ({ ...fromRow(row), tools: Tools.parse(row.tools) }));
}

/** The tools of a server as last read; empty if the server does not exist. */
export async function selectTools(db: Db, tenantId: string, id: string): Promise<readonly RemoteTool[]> {
  const row = await db
    .selectFrom('mcp_servers')
    .select('tools')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row === undefined ? [] : Tools.parse(row.tools);
}

/** A page of a tenant's servers by name, with the total. */
export async function listServers(
  db: Db,
  tenantId: string,
  { limit, offset }: Paging,
): Promise<{ servers: StoredServer[]; total: number }> {
  const rows = await shown(db).where('tenant_id', '=', tenantId).orderBy('name').limit(limit).offset(offset).execute();
  return { servers: rows.map(fromRow), total: await countServers(db, tenantId) };
}

export async function countServers(db: Db, tenantId: string): Promise<number> {
  const { total } = await db
    .selectFrom('mcp_servers')
    .where('tenant_id', '=', tenantId)
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  return total;
}

const NOTHING: ToolListing = { tools: [], protocolVersion: null, serverName: null, serverVersion: null };

function shown(db: Db) {
  return db.selectFrom('mcp_servers').select([...COLUMNS, TOOL_COUNT.as('tool_count'), DUE.as('is_due')]);
}

function toRow({ name, target, enabled, timeoutMs }: ServerFields) {
  const { transport } = target;
  const [http, stdio] = target.transport === 'http' ? [target, undefined] : [undefined, target];
  return {
    name,
    transport,
    url: http?.url ?? null,
    headers: json(http?.headers ?? {}),
    command: stdio?.command ?? null,
    args: json(stdio?.args ?? []),
    env: json(stdio?.env ?? {}),
    enabled,
    timeout_ms: timeoutMs,
  };
}

function toListedRow({ tools, protocolVersion, serverName, serverVersion }: ToolListing) {
  return {
    tools: json(tools),
    protocol_version: protocolVersion,
    server_name: serverName,
    server_version: serverVersion,
  };
}

const Stored = z.discriminatedUnion('transport', [
  z.object({ transport: z.literal('http'), url: z.string(), headers: z.record(z.string(), z.string()) }),
  z.object({
    transport: z.literal('stdio'),
    command: z.string(),
    args: z.array(z.string()),
    env: z.record(z.string(), z.string()),
  }),
]) satisfies z.ZodType<Target>;
const Tools = z.array(RemoteTool);

type Row = Pick<Selectable<Tables['mcp_servers']>, (typeof COLUMNS)[number]> & {
  readonly tool_count: number;
  readonly is_due: boolean;
};

function fromRow(row: Row): StoredServer {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    name: row.name,
    target: Stored.parse(row),
    enabled: row.enabled,
    timeoutMs: row.timeout_ms,
    revision: row.revision,
    toolCount: row.tool_count,
    protocolVersion: row.protocol_version,
    serverName: row.server_name,
    serverVersion: row.server_version,
    listedAt: row.listed_at,
    checkedAt: row.checked_at,
    lastError: row.last_error,
    createdBy: row.created_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    isDue: row.is_due,
  };
}
