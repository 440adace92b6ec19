import type { Kysely, Transaction } from 'kysely';
import type { Pooler } from './pooler.ts';
import type { Tables } from './tables.ts';
import type { VectorSupport } from './vectors.ts';

/** What store functions take: the database or an open transaction on it. */
export type Db = Kysely<Tables>;
/** An open transaction. */
export type Tx = Transaction<Tables>;

/** An open database with everything that is not a query. */
export interface Database extends AsyncDisposable {
  readonly kind: 'pglite' | 'postgres';
  /** Whether it compares vectors itself, as it was found when it was opened. */
  readonly vectors: VectorSupport;
  /** What stands between this process and PostgreSQL, as it was found when it was opened; undefined: nothing. */
  readonly pooler?: Pooler | undefined;
  /** Not bound to a tenant: for the queue's own statements and start-up. Everything else goes through `inTenant`. */
  readonly db: Db;
  /**
   * The same database over connections of the queue’s own, which plan their statements once. For the few statements that the
   * queue repeats.
   */
  readonly queue: Db;
  /** Calls `hear` for each payload on the channel, from any process. A lost connection is made again; what was sent meanwhile is lost, so `hear` gets null then and the listener must look for itself. Where nothing can be heard from other processes, it gets null every now and then. */
  listen(channel: Channel, hear: (payload: string | null) => void): () => void;
  /** Tells every listener, here and elsewhere; never fails, and a lost one costs only latency. Call it after commit. */
  notify(channel: Channel, payload: string): void;
}

/**
 * `tasks`: something can be claimed. `runs`: a run has new events. `cancels`: a task should stop. `journal`: a tenant’s
 * journal has new entries. `schedules`: a schedule was made or changed. `agents`: one of a tenant’s was changed or deleted.
 * `keys`: an API key was rotated or revoked. `tenants`: what holds for a tenant was changed. `mcp`: one of a
 * tenant’s MCP servers, or its list of tools, was changed.
 */
export const CHANNELS = [
  'reeve_tasks',
  'reeve_runs',
  'reeve_cancels',
  'reeve_journal',
  'reeve_schedules',
  'reeve_agents',
  'reeve_keys',
  'reeve_tenants',
  'reeve_mcp',
] as const;
export type Channel = (typeof CHANNELS)[number];
