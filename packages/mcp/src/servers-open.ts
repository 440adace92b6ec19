import type { McpTest } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import type { Outgoing } from '@reeve/http';
import { Background, createBreaker, ReeveError, type Breaker, type ConfigOf, type Log } from '@reeve/kit';
import type { Tool, toolSettings } from '@reeve/tools';
import { createConnection, type Connection } from './connection.ts';
import type { ProgramPlace, Programs } from './programs.ts';
import type { Listing, StoredServer } from './server.ts';
import { selectEnabled, selectServer, updateFailed, updateListed } from './store.ts';
import { toTool } from './tool.ts';

/*
 * What tenants' servers offer, and the ways to them. A tenant's servers are read from the database and known for a few seconds;
 * a change is told to every process. A list that is due is read again in the background, while the one before goes on to hold.
 * Each server has one breaker in each process, for its calls and its lists, and one connection that is opened when it is
 * needed; both are made anew where the server is asked otherwise than before.
 */

/** The MCP servers of all tenants. */
export interface McpServers extends AsyncDisposable {
  /** The tools of a tenant's servers, as their lists were last read. Asks no server, and the database every few seconds. */
  toolsOf(tenantId: string): Promise<readonly Tool[]>;
  /** Connects to a server and reads its list now, and keeps what came of it. Throws nothing for what the server does. */
  refresh(server: StoredServer): Promise<McpTest>;
  /** The state of a server's breaker in this process. */
  breakerOf(server: StoredServer): Breaker;
  /** Tells every process that a tenant's servers were changed. Call it after the commit of a change. */
  changed(tenantId: string): void;
  /** True where a tenant has a server of that id. */
  exists(tenantId: string, id: string): Promise<boolean>;
  /** Tells every process that a server is gone, and removes what it has kept on this machine. Call it after the commit. */
  removed(server: StoredServer): void;
  /** As `Outgoing`'s. */
  check(url: string): URL;
}

export interface McpServersOptions {
  readonly database: Database;
  readonly outgoing: Pick<Outgoing, 'open' | 'check'>;
  /** Where servers that are programs run. */
  readonly programs: ProgramPlace;
  readonly config: ConfigOf<typeof toolSettings>;
  readonly log: Log;
  /** What we call ourselves. */
  readonly version: string;
}

/** The way to one server as it was at a revision. One that is dropped goes on for who uses it already. */
interface Link {
  readonly tenantId: string;
  readonly revision: number;
  readonly breaker: Breaker;
  readonly connection: Connection;
}

interface Known {
  readonly readAt: number;
  readonly tools: Promise<readonly Tool[]>;
}

const FRESH_MS = 5_000;
const MOST_KNOWN = 10_000;
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
  // Loaded when the first one is started.
  const programs = () => (made ??= import('./programs.ts').then((parts) => parts.createPrograms(place)));
  const links = new Map<string, Link>();
  const known = new Map<string, Known>();
  const reading = new Map<string, Promise<McpTest>>();
  const background = new Background(log);
  const stopping = new AbortController();
  const deafen = database.listen('reeve_mcp', (tenantId) => {
    if (tenantId === null) known.clear();
    else known.delete(tenantId);
  });

  function linkTo(server: StoredServer): Link {
    const { id, tenantId, revision } = server;
    const link = links.get(id);
    // Who still knows the server as it was asks it as it is.
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

  function drop(id: string, link: Link): void {
    links.delete(id);
    background.start('closing a connection to an MCP server', async () => link.connection[Symbol.asyncDispose]());
  }

  async function read(tenantId: string): Promise<readonly Tool[]> {
    const servers = await inTenant(database.db, tenantId, (tx) => selectEnabled(tx, tenantId));
    const ids = new Set(servers.map(({ id }) => id));
    for (const [id, link] of links) {
      // One that is disabled may be under test.
      if (link.tenantId !== tenantId || ids.has(id) || reading.has(readingOf({ id, revision: link.revision })))
        continue;
      drop(id, link);
    }
    return servers.flatMap((server) => {
      const { breaker } = linkTo(server);
      if (server.isDue && breaker.allows() && !reading.has(readingOf(server)))
        background.start('reading the tools of an MCP server', () => refreshQuietly(server));
      return server.tools.map((tool) =>
        toTool(server, tool, breaker, async (input, signal) => {
          await requireThere(server);
          return linkTo(server).connection.use((remote) => remote.call(tool, input, signal));
        }),
      );
    });
  }

  /** Who still has a tool of a server that was removed must not open the way to it again. */
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
    const { breaker, connection } = linkTo(server);
    const startedAt = performance.now();
    const ask = () => connection.use((remote) => remote.list());
    try {
      // Who asks for a test is asked for it also where calls are refused for now.
      const listing = await (breaker.allows() ? breaker.run(ask) : ask());
      const latencyMs = performance.now() - startedAt;
      await inTenant(database.db, tenantId, (tx) => updateListed(tx, server, listing));
      if (breaker.state() !== 'closed') drop(server.id, linkTo(server));
      tell(tenantId);
      return testOf(listing, latencyMs);
    } catch (error) {
      if (!(error instanceof ReeveError) || error.reason === 'internal') throw error;
      if (stopping.signal.aborted) throw new ReeveError('shutting_down', 'the server stops', { cause: error });
      log.info({ server: server.id, err: error.message }, 'the tools of an MCP server could not be read');
      await inTenant(database.db, tenantId, (tx) => updateFailed(tx, server, error.message));
      tell(tenantId);
      return testOf(undefined, performance.now() - startedAt, error.message);
    }
  }

  function tell(tenantId: string): void {
    known.delete(tenantId);
    database.notify('reeve_mcp', tenantId);
  }

  return {
    toolsOf(tenantId) {
      const found = known.get(tenantId);
      if (found !== undefined && performance.now() - found.readAt < FRESH_MS) return found.tools;
      if (known.size >= MOST_KNOWN) known.clear();
      const made = { readAt: performance.now(), tools: read(tenantId) };
      made.tools.catch(() => known.get(tenantId) === made && known.delete(tenantId));
      known.set(tenantId, made);
      return made.tools;
    },
    refresh,
    breakerOf: (server) => linkTo(server).breaker,
    changed: tell,
    exists,
    removed(server) {
      const link = links.get(server.id);
      links.delete(server.id);
      background.start('removing what an MCP server has kept', async () => {
        await link?.connection[Symbol.asyncDispose]();
        await place.workspaces.remove(server.tenantId, server.id);
      });
      tell(server.tenantId);
    },
    check: (url) => outgoing.check(url),
    async [Symbol.asyncDispose]() {
      deafen();
      stopping.abort();
      for (const [id, link] of links) drop(id, link);
      await background[Symbol.asyncDispose]();
    },
  };
}

/** One reading of a list at a time, as it is asked now. */
function readingOf({ id, revision }: Pick<StoredServer, 'id' | 'revision'>): string {
  return `${id}:${revision}`;
}

function testOf(listing: Listing | undefined, ms: number, error?: string): McpTest {
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
