import type { ComponentHealth } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { Background, sleep, type Log } from '@reeve/kit';
import { DEFAULT_TENANT } from '@reeve/identity';
import { composePolicy, type Layer, type TenantPolicy } from './policy.ts';
import { selectOverrides, type StoredOverrides } from '../store/policy.ts';
import { insertTenants } from '../store/tenant.ts';
import { openTenantsFile, type TenantsFile } from '../tenants/watch.ts';

/*
 * What holds for each tenant: the tenants file below what was set through the API. Both are kept in memory. A change in
 * another process is heard of at once; since a telling can be lost, what was set is also read again when somebody asks and the
 * last look is a few seconds old. A read that fails leaves what is known.
 */

/** The policies of all tenants. */
export interface Policies extends AsyncDisposable {
  /** What holds for a tenant; a tenant that nobody knows has the defaults. Never fails, and asks the database for all tenants at once, every few seconds at most. */
  of(tenantId: string): Promise<TenantPolicy>;
  /** The policy with overrides that were just read instead of those that are known. */
  shown(tenantId: string, overrides: StoredOverrides | undefined): TenantPolicy;
  /** True where the file has a section of this name. */
  inFile(tenantId: string): boolean;
  /** Reads what was set again, and tells every other process to. Call it after the commit of a change. */
  changed(): Promise<void>;
  /** `degraded` while the file is broken or what was set can't be read. Holds no tenant's name. */
  health(): ComponentHealth;
}

export interface PolicyOptions {
  readonly tenantsFile: string;
}

/** What was read is good for so long; after half of it the next caller has it read again without waiting. */
const FRESH_MS = 4_000;
/** A change whose transaction took long has an older time than what was seen since: so much is read twice. */
const OVERLAP_MS = 60_000;
/** How long a caller waits for what was set to be read. */
const PATIENCE_MS = 500;
const MOST_CACHED = 10_000;

/**
 * Reads the tenants file and what was set for tenants, makes tenants of those that the file names, and watches both. Throws
 * `invalid_request` with every fault and its line where the file is broken.
 */
export async function openPolicies({ tenantsFile }: PolicyOptions, database: Database, log: Log): Promise<Policies> {
  const overrides = new Map<string, StoredOverrides>();
  const cache = new Map<string, TenantPolicy>();
  const background = new Background(log);
  let readAt = -Infinity;
  let isAway = false;
  let newest: Date | undefined;
  let named: ReadonlySet<string> = new Set();
  let running: Promise<void> | undefined;
  let again = false;

  async function read(): Promise<void> {
    const startedAt = performance.now();
    const sections = file.sections;
    const unnamed = [...sections.keys()].filter((tenantId) => !named.has(tenantId));
    await insertTenants(database.db, unnamed);
    named = new Set(sections.keys());
    const since = newest && new Date(newest.getTime() - OVERLAP_MS);
    for (const row of await selectOverrides(database.db, since)) {
      if (overrides.get(row.tenantId)?.updatedAt.getTime() !== row.updatedAt.getTime()) cache.delete(row.tenantId);
      overrides.set(row.tenantId, row);
      if (newest === undefined || row.updatedAt > newest) newest = row.updatedAt;
    }
    readAt = startedAt;
  }

  async function tryToRead(): Promise<void> {
    try {
      await read();
      if (isAway) log.info('what was set for tenants can be read again');
      isAway = false;
    } catch (error) {
      if (!isAway) log.warn({ err: error }, 'what was set for tenants cannot be read; what is known holds');
      isAway = true;
      // The next look comes in its time, not with the next request.
      readAt = performance.now() - FRESH_MS / 2;
    }
  }

  /** One at a time; who asks while one is under way has another made, which sees all that was committed before. */
  async function refresh(): Promise<void> {
    again = true;
    running ??= (async () => {
      while (again) {
        again = false;
        await tryToRead();
      }
      running = undefined;
    })();
    await running;
  }

  const file: TenantsFile = openTenantsFile(tenantsFile, {
    log,
    changed: () => {
      cache.clear();
      background.start('making tenants of the tenants file', refresh);
    },
  });
  try {
    await read();
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
  const deafen = database.listen('reeve_tenants', () => background.start('reading what was set for tenants', refresh));

  const shown = (tenantId: string, stored: StoredOverrides | undefined) =>
    composePolicy(tenantId, layersOf(tenantId, file, stored));
  return {
    async of(tenantId) {
      const age = performance.now() - readAt;
      if (age > FRESH_MS / 2) {
        if (running === undefined) background.start('reading what was set for tenants', refresh);
        if (age > FRESH_MS && !isAway) await Promise.race([running, sleep(PATIENCE_MS)]);
      }
      let policy = cache.get(tenantId);
      if (policy === undefined) {
        if (cache.size >= MOST_CACHED) cache.clear();
        policy = shown(tenantId, overrides.get(tenantId));
        cache.set(tenantId, policy);
      }
      return policy;
    },
    shown,
    inFile: (tenantId) => file.sections.has(tenantId),
    async changed() {
      await refresh();
      database.notify('reeve_tenants', '');
    },
    health() {
      if (file.fault !== undefined)
        return { status: 'degraded', message: `the tenants file: ${file.fault}; what it said before holds` };
      if (isAway)
        return { status: 'degraded', message: 'what was set for tenants cannot be read; what is known holds' };
      return { status: 'ok', message: file.isAbsent ? 'no tenants file' : `${file.sections.size} sections` };
    },
    async [Symbol.asyncDispose]() {
      deafen();
      await file[Symbol.asyncDispose]();
      await background[Symbol.asyncDispose]();
    },
  };
}

/** What the tenants file alone says, for a process without a database. Disposing stops watching it. */
export function openFilePolicies(
  { tenantsFile }: PolicyOptions,
  log: Log,
): AsyncDisposable & { of(tenantId: string): TenantPolicy } {
  const file = openTenantsFile(tenantsFile, { log, changed: () => undefined });
  return {
    of: (tenantId) => composePolicy(tenantId, layersOf(tenantId, file, undefined)),
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

/** The tenant `default` has the section that the others inherit for its own. */
function layersOf(tenantId: string, { sections }: TenantsFile, stored: StoredOverrides | undefined): Layer[] {
  const inherited = sections.get(DEFAULT_TENANT);
  const own = tenantId === DEFAULT_TENANT ? undefined : sections.get(tenantId);
  return [
    ...(inherited ? [layer(tenantId === DEFAULT_TENANT ? 'file' : 'file:default', inherited)] : []),
    ...(own ? [layer('file', own)] : []),
    ...(stored ? [layer('override', stored.overrides)] : []),
  ];
}

function layer(origin: Layer['origin'], settings: Layer['settings']): Layer {
  return { origin, settings };
}
