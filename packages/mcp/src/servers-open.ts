import type { McpTest } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import type { Outgoing } from '@reeve/http';
import { Background, createBreaker, ReeveError, type Breaker, type ConfigOf, type Log } from '@reeve/kit';
import type { Tool, toolSettings } from '@reeve/tools';
import { createConnection, type Connection } from './connection.ts';
import type { ProgramHost, Programs } from './programs.ts';
import type { ToolListing, StoredServer } from './server.ts';
import { selectEnabled, selectServer, updateFailed, updateListed } from './store.ts';
import { toTool } from './tool.ts';

/*
 * The tools of tenants' servers, and the connections to them. A tenant's servers are read from the database and cached for a
 * few seconds; a notification invalidates the cache in every process. A due list is refreshed in the background while the
 * old one stays valid. Each process has one breaker and one connection per server, for calls and lists; both are replaced
 * when the server's revision changes.
 */

/** The MCP servers of all tenants. */
export interface McpServers extends AsyncDisposable {
  /** The tools of a tenant's servers as last read. Calls no server, and queries the database every few seconds. */
  toolsOf(tenantId: string): Promise<readonly Tool[]>;
  /** Connects to a server, reads its tool list now and stores the outcome. A failing server is an outcome, not an error. */
  refresh(server: StoredServer): Promise<McpTest>;
  /** The state of a server's breaker in this process. */
  breakerOf(server: StoredServer): Breaker;
  /** Notifies every process that a tenant's servers changed. Call it after the commit. */
  changed(tenantId: string): void;
  /** True if the tenant has a server with this ID. */
  exists(tenantId: string, id: string): Promise<boolean>;
  /** Notifies every process that a server was removed, and deletes its workspace here. Call it after the commit. */
  removed(server: StoredServer): void;
  /** As `Outgoing`'s. */
  check(url: string): URL;
}

export interface McpServersOptions {
  readonly database: Database;
  readonly outgoing: Pick<Outgoing, 'open' | 'check'>;
  /** Runs stdio servers. */
  readonly programs: ProgramHost;
  readonly config: ConfigOf<typeof toolSettings>;
  readonly log: Log;
  /** The version that we report to servers. */
  readonly version: string;
}

/** Breaker and connection of one server at one revision. Calls in progress continue over a dropped link. */
interface ServerLink {
  readonly tenantId: string;
  readonly revision: number;
  readonly breaker: Breaker;
  readonly connection: Connection;
}

interface CachedTools {
  readonly readAt: number;
  readonly tools: Promise<readonly Tool[]>;
}

const FRESH_MS = 5_000;
const MAX_CACHED_TENANTS = 10_000;
const PAUSED = 'this MCP server failed several times in a row and is paused for a while';

export function openMcpServers({
  database,
  outgoing,
  programs: place,
  config,
  log,
  version,
}: McpServersOptions): McpServers {
  let made: Promise<Programs> | undefined;
  // Loaded when the first program starts.
  const programs = () => (made ??= import('./programs.ts').then((parts) => parts.createPrograms(place)));
  const links = new Map<string, ServerLink>();
  const cached = new Map<string, CachedTools>();
  const reading = new Map<string, Promise<McpTest>>();
  const background = new Background(log);
  const stopping = new AbortController();
  const unlisten = database.listen('reeve_mcp', (tenantId) => {
    if (tenantId === null) cached.clear();
    else cached.delete(tenantId);
  });

  function linkFor(server: StoredServer): ServerLink {
    const { id, tenantId, revision } = server;
    const link = links.get(id);
    // A caller with an older revision uses the newer link.
    if (link !== undefined && link.revision >= revision) return link;
    if (link !== undefined) drop(id, link);
    const { circuitFailureThreshold: threshold, circuitResetTimeoutSeconds } = config;
    const made = {
      tenantId,
      revision,
      breaker: createBreaker({ threshold, resetMs: circuitResetTimeoutSeconds * 1_000, message: PAUSED }),
      connection: createConnection(server, { outgoing, programs, version, stopping: stopping.signal }),
    };
    links.set(id, made);
    return made;
  }

  function drop(id: string, link: ServerLink): void {
    links.delete(id);
    background.start('closing a connection to an MCP server', async () => link.connection[Symbol.asyncDispose]());
  }

  async function read(tenantId: string): Promise<readonly Tool[]> {
    const servers = await inTenant(database.db, tenantId, (tx) => selectEnabled(tx, tenantId));
    const ids = new Set(servers.map(({ id }) => id));
    for (const [id, link] of links) {
      // A disabled server may be under test.
      if (link.tenantId !== tenantId || ids.has(id) || reading.has(readingOf({ id, revision: link.revision })))
        continue;
      drop(id, link);
    }
    return servers.flatMap((server) => {
      const { breaker } = linkFor(server);
      if (server.isDue && breaker.allows() && !reading.has(readingOf(server)))
        background.start('reading the tools of an MCP server', () => refreshQuietly(server));
      return server.tools.map((tool) =>
        toTool(server, tool, breaker, async (input, signal) => {
          await requireThere(server);
          return linkFor(server).connection.use((remote) => remote.call(tool, input, signal));
        }),
      );
    });
  }

  /** A tool that outlives its removed server must not reconnect to it. */
  async function requireThere({ tenantId, id }: StoredServer): Promise<void> {
    if (!links.has(id) && !(await exists(tenantId, id)))
      throw new ReeveError('unavailable', 'this MCP server was removed');
  }

  async function exists(tenantId: string, id: string): Promise<boolean> {
    return (await inTenant(database.db, tenantId, (tx) => selectServer(tx, tenantId, id))) !== undefined;
  }

  function refresh(server: StoredServer): Promise<McpTest> {
    const key = readingOf(server);
    const running = reading.get(key);
    if (running !== undefined) return running;
    const started = list(server).finally(() => reading.delete(key));
    reading.set(key, started);
    return started;
  }

  async function refreshQuietly(server: StoredServer): Promise<void> {
    try {
      await refresh(server);
    } catch (error) {
      if (!stopping.signal.aborted) throw error;
    }
  }

  async function list(server: StoredServer): Promise<McpTest> {
    const { tenantId } = server;
    const { breaker, connection } = linkFor(server);
    const startedAt = performance.now();
    const ask = () => connection.use((remote) => remote.list());
    try {
      // A requested test runs even while the breaker is open.
      const listing = await (breaker.allows() ? breaker.run(ask) : ask());
      const latencyMs = performance.now() - startedAt;
      await inTenant(database.db, tenantId, (tx) => updateListed(tx, server, listing));
      if (breaker.state() !== 'closed') drop(server.id, linkFor(server));
      notifyChange(tenantId);
      return testOf(listing, latencyMs);
    } catch (error) {
      if (!(error instanceof ReeveError) || error.reason === 'internal') throw error;
      if (stopping.signal.aborted) throw new ReeveError('shutting_down', 'the server stops', { cause: error });
      log.info({ server: server.id, err: error.message }, 'the tools of an MCP server could not be read');
      await inTenant(database.db, tenantId, (tx) => updateFailed(tx, server, error.message));
      notifyChange(tenantId);
      return testOf(undefined, performance.now() - startedAt, error.message);
    }
  }

  function notifyChange(tenantId: string): void {
    cached.delete(tenantId);
    database.notify('reeve_mcp', tenantId);
  }

  return {
    toolsOf(tenantId) {
      const found = cached.get(tenantId);
      if (found !== undefined && performance.now() - found.readAt < FRESH_MS) return found.tools;
      if (cached.size >= MAX_CACHED_TENANTS) cached.clear();
      const made = { readAt: performance.now(), tools: read(tenantId) };
      made.tools.catch(() => cached.get(tenantId) === made && cached.delete(tenantId));
      cached.set(tenantId, made);
      return made.tools;
    },
    refresh,
    breakerOf: (server) => linkFor(server).breaker,
    changed: notifyChange,
    exists,
    removed(server) {
      const link = links.get(server.id);
      links.delete(server.id);
      background.start('removing what an MCP server has kept', async () => {
        await link?.connection[Symbol.asyncDispose]();
        await place.workspaces.remove(server.tenantId, server.id);
      });
      notifyChange(server.tenantId);
    },
    check: (url) => outgoing.check(url),
    async [Symbol.asyncDispose]() {
      unlisten();
      stopping.abort();
      for (const [id, link] of links) drop(id, link);
      await background[Symbol.asyncDispose]();
    },
  };
}

/** Identifies the refresh of one server at one revision; only one runs at a time. */
function readingOf({ id, revision }: Pick<StoredServer, 'id' | 'revision'>): string {
  return `${id}:${revision}`;
}

function testOf(listing: ToolListing | undefined, ms: number, error?: string): McpTest {
  return {
    ok: listing !== undefined,
    error: error ?? null,
    protocol_version: listing?.protocolVersion ?? null,
    server_name: listing?.serverName ?? null,
    server_version: listing?.serverVersion ?? null,
    tool_count: listing?.tools.length ?? 0,
    latency_ms: Math.round(ms),
  };
}
