import { isDeepStrictEqual } from 'node:util';
import { recordAudit, type AuditAction } from '@reeve/audit';
import { MCP_TRANSPORT_FIELDS, type McpServerInput, type McpServerPatch } from '@reeve/contract';
import { inTenant, isUniqueViolation, type Database, type Tx } from '@reeve/db';
import { invalidField, MASKED, newId, ReeveError } from '@reeve/kit';
import { shownUrl, type HttpTarget, type StdioTarget, type StoredServer, type Target } from './server.ts';
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

/** The caller who requests a change, and the trace of the request. */
export interface Requester {
  readonly tenantId: string;
  readonly userId: string;
  readonly traceId: string;
}

/** Normalizes a URL. Throws for one that must never be requested. */
export type CheckUrl = (url: string) => URL;

const MAX_SERVERS = 50;

/**
 * Adds a server, with its audit row. Throws `invalid_request` or `policy_denied` for a URL that must not be requested,
 * `conflict` for a name in use, and `limit_reached` if the tenant already has fifty servers.
 */
export async function createServer(
  database: Database,
  requester: Requester,
  input: McpServerInput,
  check: CheckUrl,
): Promise<StoredServer> {
  const { tenantId, userId } = requester;
  const { name, enabled, timeout_ms: timeoutMs } = input;
  const fields: ServerFields = { name, target: targetFrom(input, check), enabled, timeoutMs };
  return inTenant(database.db, tenantId, async (tx) => {
    await lockServers(tx, tenantId);
    if ((await countServers(tx, tenantId)) >= MAX_SERVERS)
      throw new ReeveError('limit_reached', `a tenant can have ${MAX_SERVERS} MCP servers: remove one first`);
    const id = newId();
    if (!(await insertServer(tx, { id, tenantId, createdBy: userId }, fields))) throw nameTaken(name);
    await record(tx, requester, 'MCP_SERVER_CREATED', { id, ...fields }, namesOfValues(fields.target));
    return requireServer(tx, tenantId, id);
  });
}

/**
 * Changes the given fields, with an audit row that names them; equal values change nothing. A new origin drops the stored
 * headers, a new program the stored variables. Throws as `createServer` does, and `not_found`.
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
      const fields = changedFields(before, after);
      if (fields.length === 0) return before;
      const isMoved = fields.some((field) => MOVING.has(field));
      const isAskedOtherwise = isMoved || fields.some((field) => ASKING.has(field));
      await updateServerRow(tx, id, after, { isMoved, isAskedOtherwise });
      await record(tx, requester, 'MCP_SERVER_CHANGED', { id, ...after }, { fields });
      return requireServer(tx, tenantId, id);
    });
  } catch (error) {
    if (isUniqueViolation(error)) throw nameTaken(patch.name ?? '', error);
    throw error;
  }
}

/** Removes a server, with its audit row, and returns it. Throws `not_found`. */
export function deleteServer(database: Database, requester: Requester, id: string): Promise<StoredServer> {
  return inTenant(database.db, requester.tenantId, async (tx) => {
    const server = await deleteServerRow(tx, requester.tenantId, id);
    if (server === undefined) throw noServer(id);
    await record(tx, requester, 'MCP_SERVER_DELETED', server, {});
    return server;
  });
}

/** One server by its id. Throws `not_found`. */
export async function requireServer(tx: Tx, tenantId: string, id: string): Promise<StoredServer> {
  const server = await selectServer(tx, tenantId, id);
  if (server === undefined) throw noServer(id);
  return server;
}

/** Fields that identify the server itself, and fields that only change how it is called. */
const MOVING: ReadonlySet<string> = new Set(['url', 'command', 'args']);
const ASKING: ReadonlySet<string> = new Set(['name', 'headers', 'env', 'timeoutMs']);

/** Names the fields in which two servers of one transport differ; the fields of their targets count separately. */
function changedFields(before: ServerFields, after: ServerFields): string[] {
  const flat = ({ name, target, enabled, timeoutMs }: ServerFields) => ({ name, ...target, enabled, timeoutMs });
  const [one, other]: Readonly<Record<string, unknown>>[] = [flat(before), flat(after)];
  return Object.keys(other!).filter((field) => !isDeepStrictEqual(one![field], other![field]));
}

/** The contract guarantees the fields that the transport needs. */
function targetFrom(
  { transport, url = '', headers, command = '', args, env }: McpServerInput,
  check: CheckUrl,
): Target {
  return transport === 'http' ? { transport, url: check(url).href, headers } : { transport, command, args, env };
}

/** A masked URL or value in the patch means the stored one, so a form can send back what it read. */
function applyPatch(before: StoredServer, patch: McpServerPatch, check: CheckUrl): ServerFields {
  const { target } = before;
  const { transport } = target;
  if (patch.transport !== undefined && patch.transport !== transport)
    throw invalidField('transport', `is ${transport} and cannot be changed: add another server`);
  const foreign = MCP_TRANSPORT_FIELDS[transport === 'http' ? 'stdio' : 'http'].find(
    (field) => patch[field] !== undefined,
  );
  if (foreign !== undefined) throw invalidField(foreign, `must be left out: this server has transport ${transport}`);
  return {
    name: patch.name ?? before.name,
    target: transport === 'http' ? patchedHttp(target, patch, check) : patchedStdio(target, patch),
    enabled: patch.enabled ?? before.enabled,
    timeoutMs: patch.timeout_ms ?? before.timeoutMs,
  };
}

function patchedHttp(before: HttpTarget, patch: McpServerPatch, check: CheckUrl): HttpTarget {
  const url = patch.url === undefined ? before.url : urlFrom(before.url, patch.url, check);
  const isElsewhere = new URL(url).origin !== new URL(before.url).origin;
  const headers = patchedValues('headers', isElsewhere ? {} : before.headers, patch.headers);
  return { transport: 'http', url, headers };
}

/**
 * Drops the stored variables when the program changes, since another program could leak them. Setting one variable counts as
 * a change too, since `PATH` or `NODE_OPTIONS` alone can start another program.
 */
function patchedStdio(before: StdioTarget, patch: McpServerPatch): StdioTarget {
  const { command = before.command, args = before.args } = patch;
  const sets = Object.values(patch.env ?? {}).some((value) => value !== null && value !== MASKED);
  const isAnother = sets || command !== before.command || !isDeepStrictEqual(args, before.args);
  return { transport: 'stdio', command, args, env: patchedValues('env', isAnother ? {} : before.env, patch.env) };
}

/** Header names are compared without case, variable names with case. */
function patchedValues(
  field: 'headers' | 'env',
  before: Readonly<Record<string, string>>,
  patch: Readonly<Record<string, string | null>> = {},
): Record<string, string> {
  const fold = (name: string) => (field === 'headers' ? name.toLowerCase() : name);
  const values = new Map(Object.entries(before));
  for (const [name, value] of Object.entries(patch)) {
    const same = [...values.keys()].find((kept) => fold(kept) === fold(name));
    if (value === MASKED && same === undefined)
      throw invalidField(`${field}.${name}`, `must be given anew: ${MASKED} stands for a value that is stored`);
    if (value === MASKED) continue;
    if (same !== undefined) values.delete(same);
    if (value !== null) values.set(name, value);
  }
  return Object.fromEntries(values);
}

/** For the audit: the names of headers or variables, without their values. */
function namesOfValues(target: Target): object {
  return target.transport === 'http' ? { headers: Object.keys(target.headers) } : { env: Object.keys(target.env) };
}

function auditedTarget(target: Target): object {
  return target.transport === 'http' ? { url: shownUrl(target.url) } : { command: target.command };
}

/** Replaces each `***` in the given URL’s query by the stored value, unless the origin changed. */
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

/** The parameters of a query with their raw text, since parsing and serializing would change the encoding. */
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
  { id, name, target }: Pick<StoredServer, 'id' | 'name' | 'target'>,
  details: object,
): Promise<void> {
  const told = { server: name, id, ...auditedTarget(target), ...details };
  return recordAudit(tx, [{ tenantId, actor: userId, action, traceId, details: told }]);
}
