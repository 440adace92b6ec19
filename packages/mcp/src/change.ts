import { isDeepStrictEqual } from 'node:util';
import { recordAudit, type AuditAction } from '@reeve/audit';
import type { McpServerInput, McpServerPatch } from '@reeve/contract';
import { inTenant, isUniqueViolation, type Database, type Tx } from '@reeve/db';
import { invalidField, MASKED, newId, ReeveError } from '@reeve/kit';
import { shownUrl, type StoredServer } from './server.ts';
import {
  countServers,
  deleteServerRow,
  insertServer,
  lockServer,
  lockServers,
  selectServer,
  updateServer as updateServerRow,
  type ServerFields,
} from './store.ts';

/** Who asks for a change, and in which trace. */
export interface Requester {
  readonly tenantId: string;
  readonly userId: string;
  readonly traceId: string;
}

/** The address as it will be asked; throws for one that never may be. */
export type CheckUrl = (url: string) => URL;

const MAX_SERVERS = 50;

/**
 * Adds a server, with its audit row. Throws `invalid_request` and `policy_denied` for an address that may not be asked,
 * `conflict` for a name that is taken, and `limit_reached` where the tenant has fifty.
 */
export async function createServer(
  database: Database,
  requester: Requester,
  { name, url, headers, enabled, timeout_ms: timeoutMs }: McpServerInput,
  check: CheckUrl,
): Promise<StoredServer> {
  const { tenantId, userId } = requester;
  const fields: ServerFields = { name, url: check(url).href, headers, enabled, timeoutMs };
  return inTenant(database.db, tenantId, async (tx) => {
    await lockServers(tx, tenantId);
    if ((await countServers(tx, tenantId)) >= MAX_SERVERS)
      throw new ReeveError('limit_reached', `a tenant can have ${MAX_SERVERS} MCP servers: remove one first`);
    const id = newId();
    if (!(await insertServer(tx, { id, tenantId, createdBy: userId }, fields))) throw nameTaken(name);
    await record(tx, requester, 'MCP_SERVER_CREATED', { id, ...fields }, { headers: Object.keys(headers) });
    return requireServer(tx, tenantId, id);
  });
}

/**
 * Changes the fields sent, with an audit row that names them; sending what is already so changes nothing. Headers do not
 * go along to another origin. Throws as `createServer` does, and `not_found`.
 */
export async function updateServer(
  database: Database,
  requester: Requester,
  id: string,
  patch: McpServerPatch,
  check: CheckUrl,
): Promise<StoredServer> {
  const { tenantId } = requester;
  try {
    return await inTenant(database.db, tenantId, async (tx) => {
      const before = await lockServer(tx, tenantId, id);
      if (before === undefined) throw noServer(id);
      const after = applyPatch(before, patch, check);
      const fields = (Object.keys(after) as (keyof ServerFields)[]).filter(
        (field) => !isDeepStrictEqual(before[field], after[field]),
      );
      if (fields.length === 0) return before;
      const isMoved = fields.includes('url');
      const isAskedOtherwise = isMoved || fields.includes('headers') || fields.includes('timeoutMs');
      await updateServerRow(tx, id, after, { isMoved, isAskedOtherwise });
      await record(tx, requester, 'MCP_SERVER_CHANGED', { id, ...after }, { fields });
      return requireServer(tx, tenantId, id);
    });
  } catch (error) {
    if (isUniqueViolation(error)) throw nameTaken(patch.name ?? '', error);
    throw error;
  }
}

/** Removes a server, with its audit row. Throws `not_found`. */
export function deleteServer(database: Database, requester: Requester, id: string): Promise<void> {
  return inTenant(database.db, requester.tenantId, async (tx) => {
    const server = await deleteServerRow(tx, requester.tenantId, id);
    if (server === undefined) throw noServer(id);
    await record(tx, requester, 'MCP_SERVER_DELETED', server, {});
  });
}

/** One server by its id. Throws `not_found`. */
export async function requireServer(tx: Tx, tenantId: string, id: string): Promise<StoredServer> {
  const server = await selectServer(tx, tenantId, id);
  if (server === undefined) throw noServer(id);
  return server;
}

/** What is shown of an address or a header stands for what is stored, so that a form can send back what it read. */
function applyPatch(before: StoredServer, patch: McpServerPatch, check: CheckUrl): ServerFields {
  const url = patch.url === undefined ? before.url : urlFrom(before.url, patch.url, check);
  const isElsewhere = new URL(url).origin !== new URL(before.url).origin;
  const headers = new Map(isElsewhere ? [] : Object.entries(before.headers));
  for (const [name, value] of Object.entries(patch.headers ?? {})) {
    const same = [...headers.keys()].find((kept) => kept.toLowerCase() === name.toLowerCase());
    if (value === MASKED && same === undefined)
      throw invalidField(`headers.${name}`, `must be given anew: ${MASKED} stands for a value that is stored`);
    if (value === MASKED) continue;
    if (same !== undefined) headers.delete(same);
    if (value !== null) headers.set(name, value);
  }
  return {
    name: patch.name ?? before.name,
    url,
    headers: Object.fromEntries(headers),
    enabled: patch.enabled ?? before.enabled,
    timeoutMs: patch.timeout_ms ?? before.timeoutMs,
  };
}

/** An address as it is given, with the stored values where `***` stands for them; they do not go along to another origin. */
function urlFrom(stored: string, given: string, check: CheckUrl): string {
  if (given === shownUrl(stored)) return stored;
  const url = check(given);
  const before = new URL(stored);
  const asked = queryOf(url);
  if (asked.every(({ value }) => value !== MASKED)) return url.href;
  const left = url.origin === before.origin ? queryOf(before) : [];
  const parts = asked.map((part) => {
    const at = left.findIndex(({ name }) => name === part.name);
    const [same] = at === -1 ? [] : left.splice(at, 1);
    if (part.value !== MASKED) return part;
    if (same === undefined)
      throw invalidField('url', `must have its ${part.name} anew: ${MASKED} stands for a value that is stored there`);
    return same;
  });
  url.search = parts.map(({ raw }) => raw).join('&');
  return url.href;
}

/** The parts of a query, each as it is written too: parsing it and writing it anew would change how it is encoded. */
function queryOf({ search }: URL): { name: string; value: string; raw: string }[] {
  const raws = search.slice(1).split('&');
  return raws.flatMap((raw) => [...new URLSearchParams(raw)].map(([name, value]) => ({ name, value, raw })));
}

function noServer(id: string): ReeveError {
  return new ReeveError('not_found', `there is no MCP server ${id}`);
}

function nameTaken(name: string, cause?: unknown): ReeveError {
  return new ReeveError('conflict', `another MCP server is called ${name}: choose another name`, {
    cause,
    details: [{ path: 'name', message: 'is taken' }],
  });
}

function record(
  tx: Tx,
  { tenantId, userId, traceId }: Requester,
  action: AuditAction,
  { id, name, url }: Pick<StoredServer, 'id' | 'name' | 'url'>,
  details: object,
): Promise<void> {
  const told = { server: name, id, url: shownUrl(url), ...details };
  return recordAudit(tx, [{ tenantId, actor: userId, action, traceId, details: told }]);
}
