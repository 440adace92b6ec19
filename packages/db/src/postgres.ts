import { ReeveError, sleep, type Log } from '@reeve/kit';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import type { Channel, Database, Db } from './database.ts';
import { startListener, startPolling } from './listener.ts';
import { migrate } from './migrate.ts';
import { createPipelinedPool, createStatementNames, type Prepared, type StatementNames } from './pipelined-pool.ts';
import { KEPT_PLANS, settingCalls, SETTINGS, type Settings } from './plans.ts';
import { describePooler } from './pooler.ts';
import { CONNECTION, openStartConnection, type PostgresAddress } from './start-connection.ts';
import type { Tables } from './tables.ts';
import { ensureVectors } from './vectors.ts';

const { Client, Pool, types } = pg;
const INT8 = 20;
const TIMESTAMPTZ = 1184;
/** Claims, settlements and enqueues of a process, each of which goes one batch at a time. */
const QUEUE_CONNECTIONS = 4;
/** The queue's statements are short: one without an answer for so long has met a database that is gone without a word. */
const QUEUE_PATIENCE_MS = 30_000;
/** The queue's connections keep their plans for good. */
const QUEUE_SETTINGS: Settings = { ...SETTINGS, ...KEPT_PLANS };

export interface PostgresOptions extends PostgresAddress {
  /** Most connections at once, the listening one and the queue's among them; fewer than three count as three. */
  readonly pool: number;
  /** Default: `auto`. */
  readonly prepared?: Prepared;
  readonly log: Log;
}

/**
 * Connects to PostgreSQL 15 or newer and migrates it. Fails with `unavailable` where it cannot be reached or is too
 * old. Later losses of a connection surface in the queries that meet them; the pool connects again by itself.
 *
 * Behind a pooler in transaction mode nothing outlasts a transaction: settings are sent with each, statements are not prepared unless
 * `prepared` is `on`, and without a direct address nothing is listened for.
 */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const { url, directUrl, pool: total, prepared = 'auto', log } = options;
  const { pooler, vectors } = await prepareDatabase(options);
  const hasSession = pooler?.mode !== 'transaction';
  const listens = pooler?.listens ?? true;
  if (pooler !== undefined && !listens) {
    const { found, remedy } = describePooler(pooler);
    log.warn(`PostgreSQL ${found}; ${remedy}`);
  }
  const names = createStatementNames(prepared === 'auto' && !hasSession ? 'off' : prepared);
  await using stack = new AsyncDisposableStack();
  const open = (max: number, settings: Settings, patienceMs?: number) => {
    const session = `select ${settingCalls(settings, 'session')}`;
    const pool = new Pool({
      ...CONNECTION,
      connectionString: url,
      types: TYPES,
      max,
      idleTimeoutMillis: 30_000,
      ...(hasSession && {
        verify(client: pg.ClientBase, done: (error?: Error) => void) {
          client.query(session).then(() => done(), done);
        },
      }),
    });
    surviveLosses(pool, log);
    const transaction = hasSession ? undefined : `select ${settingCalls(settings, 'transaction')}`;
    const pipelined = createPipelinedPool(pool, names, { settings: transaction, patienceMs });
    const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: pipelined }) });
    stack.defer(async () => {
      await db.destroy();
      // One that was not used yet.
      if (!pool.ended) await pool.end();
    });
    return { pool, db };
  };
  const sizes = divide(total, listens);
  const { pool, db } = open(sizes.db, SETTINGS);
  const { db: queue } = open(sizes.queue, QUEUE_SETTINGS, QUEUE_PATIENCE_MS);
  await requireSettings(db, SETTINGS);
  await requireSettings(queue, QUEUE_SETTINGS);
  const listener = listens
    ? startListener(() => new Client({ ...CONNECTION, connectionString: directUrl ?? url }), log)
    : startPolling();
  stack.defer(() => listener.close());
  const send = createNotifier(pool, names, log);
  const parts = stack.move();
  return {
    kind: 'postgres',
    vectors,
    pooler,
    db,
    queue,
    listen: listener.listen,
    notify(channel, payload) {
      if (!listens) queueMicrotask(() => listener.tell(channel, payload));
      send(channel, payload);
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Finds out how PostgreSQL is reached, and brings it to this program's version. */
async function prepareDatabase(address: PostgresAddress): Promise<Pick<Database, 'pooler' | 'vectors'>> {
  await using start = await openStartConnection(address);
  await migrate(start.run);
  return { pooler: start.pooler, vectors: await ensureVectors(start.run) };
}

/** How many of all connections are for what. */
function divide(total: number, listens: boolean): { db: number; queue: number } {
  const left = Math.max(2, total - (listens ? 1 : 0));
  const queue = Math.min(QUEUE_CONNECTIONS, Math.max(1, Math.floor(left / 3)));
  return { db: left - queue, queue };
}

/** Fails where statements would run without the settings that they rely on. */
async function requireSettings(db: Db, settings: Settings): Promise<void> {
  const names = Object.keys(settings);
  const { rows } = await sql<{ name: string; value: string }>`
    select name, current_setting(name) as value from unnest(${names}::text[]) as name`.execute(db);
  for (const { name, value } of rows)
    if (value !== settings[name])
      throw new ReeveError(
        'unavailable',
        `DATABASE_URL: ${name} is ${value} there and cannot be set to ${settings[name]}`,
      );
}

const TYPES = {
  getTypeParser: ((oid: number, format?: 'text') =>
    oid === INT8
      ? Number
      : oid === TIMESTAMPTZ
        ? parseTime
        : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
};

/** As the driver does, but several times faster for what the connections, which are set to UTC, nearly always answer. */
function parseTime(text: string): unknown {
  const usual = text[10] === ' ' && text.endsWith('+00');
  return usual ? new Date(`${text.slice(0, 10)}T${text.slice(11, -3)}Z`) : types.getTypeParser(TIMESTAMPTZ)(text);
}

/** A client that is lost while it is lent out tells of it twice: in the query that meets it, and by an event that would end the process. */
function surviveLosses(pool: pg.Pool, log: Log): void {
  pool.on('connect', (client) =>
    client.on('error', (error) => log.warn({ err: error }, 'a database connection was lost')),
  );
  pool.on('error', () => undefined);
}

/** Does not wait for the disk, as any other commit does: what is told of has been committed, and a telling need not survive a crash. */
const NOTIFY = `with hurry as materialized (select set_config('synchronous_commit', 'off', true))
  select pg_notify(c, p) from hurry, unnest($1::text[], $2::text[]) as n(c, p)`;

/** Notifications leave on their own, after commit, coalesced: the first at once, then what gathered while it went. */
function createNotifier(pool: pg.Pool, names: StatementNames, log: Log): Database['notify'] {
  const waiting = new Map<string, [Channel, string]>();
  let sending = false;
  async function send(): Promise<void> {
    sending = true;
    try {
      while (waiting.size > 0) {
        const batch = [...waiting.values()];
        waiting.clear();
        const channels = batch.map(([channel]) => channel);
        const payloads = batch.map(([, payload]) => payload);
        const name = names.nameOf(NOTIFY);
        await pool.query({ text: NOTIFY, values: [channels, payloads], ...(name !== undefined && { name }) });
        await sleep(15);
      }
    } finally {
      sending = false;
    }
  }
  return (channel, payload) => {
    if (waiting.size >= 10_000) return;
    waiting.set(`${channel} ${payload}`, [channel, payload]);
    if (sending || pool.ended || pool.ending) return;
    send().catch((error: unknown) =>
      log.warn({ err: error }, 'notifications were lost; listeners fall back to polling'),
    );
  };
}
