import { ReeveError, sleep, type Log } from '@reeve/kit';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { CHANNELS, type Channel, type Database } from './database.ts';
import { migrate } from './migrate.ts';
import { KEPT_PLANS } from './plans.ts';
import { createPipelinedPool, createStatementNames, type Prepared, type StatementNames } from './pipelined-pool.ts';
import { isTransient } from './sqlstate.ts';
import type { Tables } from './tables.ts';
import { ensureVectors, type VectorSupport } from './vectors.ts';

const { Client, Pool, types } = pg;
const INT8 = 20;
const TIMESTAMPTZ = 1184;
/** Claims, settlements and enqueues of a process, each of which goes one batch at a time. */
const QUEUE_CONNECTIONS = 4;

/** The queue's connections keep their plans for good. */
const QUEUE_PLANS = Object.entries(KEPT_PLANS)
  .map(([name, value]) => `-c ${name}=${value}`)
  .join(' ');

export interface PostgresOptions {
  readonly url: string;
  /** Most connections at once, the listening one not counted. */
  readonly pool: number;
  /** Default: `auto`. */
  readonly prepared?: Prepared;
  readonly log: Log;
}

/**
 * Connects to PostgreSQL 15 or newer and migrates it. Fails with `unavailable` where it cannot be reached or is too
 * old. Later losses of a connection surface in the queries that meet them; the pool connects again by itself.
 */
export async function openPostgres({ url, pool: size, prepared = 'auto', log }: PostgresOptions): Promise<Database> {
  const settings = {
    connectionString: url,
    types: {
      getTypeParser: ((oid: number, format?: 'text') =>
        oid === INT8
          ? Number
          : oid === TIMESTAMPTZ
            ? parseTime
            : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
    },
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    // Compiling statements pays for analysis of much data, which nothing here is; the millions of a backlog would set it off.
    options: '-c timezone=UTC -c client_min_messages=warning -c jit=off',
    application_name: 'reeve',
  };
  const pool = new Pool({ ...settings, max: size, idleTimeoutMillis: 30_000 });
  surviveLosses(pool, log);
  let vectors: VectorSupport;
  try {
    await checkVersion(pool);
    const client = await pool.connect();
    const run = async (text: string): Promise<unknown[]> => {
      const result = (await client.query(text)) as pg.QueryResult | pg.QueryResult[];
      return (Array.isArray(result) ? result.at(-1) : result)?.rows ?? [];
    };
    try {
      await migrate(run);
      vectors = await ensureVectors(run);
    } finally {
      client.release();
    }
  } catch (error) {
    await pool.end();
    throw error;
  }
  const ear = startEar(() => new Client(settings), log);
  const names = createStatementNames(prepared);
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: createPipelinedPool(pool, names) }) });
  const queuePool = new Pool({
    ...settings,
    options: `${settings.options} ${QUEUE_PLANS}`,
    max: QUEUE_CONNECTIONS,
    idleTimeoutMillis: 30_000,
  });
  surviveLosses(queuePool, log);
  const queue = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: createPipelinedPool(queuePool, names) }) });
  return {
    kind: 'postgres',
    vectors,
    db,
    queue,
    listen: ear.listen,
    notify: createNotifier(pool, names, log),
    async [Symbol.asyncDispose]() {
      await ear.close();
      await queue.destroy();
      await db.destroy();
      if (!pool.ended) await pool.end();
    },
  };
}

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

async function checkVersion(pool: pg.Pool): Promise<void> {
  let found: number;
  try {
    const { rows } = await pool.query<{ version: string }>(`select current_setting('server_version_num') as version`);
    found = Number(rows[0]?.version);
  } catch (error) {
    const hint = isTransient(error) ? 'nothing answers there' : ReeveError.from(error).message;
    throw new ReeveError('unavailable', `DATABASE_URL: cannot connect to PostgreSQL: ${hint}`, { cause: error });
  }
  if (found < 150_000)
    throw new ReeveError(
      'unavailable',
      `DATABASE_URL: PostgreSQL 15 or newer is needed, this is ${Math.floor(found / 10_000)}`,
    );
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

/** One connection that only listens, always reading, connecting again for as long as it is open. */
function startEar(connect: () => pg.Client, log: Log) {
  const listeners = new Map<Channel, Set<(payload: string | null) => void>>(
    CHANNELS.map((channel) => [channel, new Set()]),
  );
  const closing = new AbortController();
  const closed = new Promise<void>((resolve) =>
    closing.signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  const tell = (channel: Channel, payload: string | null) => {
    for (const hear of listeners.get(channel) ?? []) hear(payload);
  };
  async function hearOnce(): Promise<void> {
    const client = connect();
    const { promise: lost, resolve: lose } = Promise.withResolvers<Error>();
    client.on('error', lose);
    client.on('end', () => lose(new Error('the server ended it')));
    client.on('notification', ({ channel, payload }) => tell(channel as Channel, payload ?? ''));
    try {
      await client.connect();
      await client.query(CHANNELS.map((channel) => `listen ${channel}`).join(';'));
      for (const channel of CHANNELS) tell(channel, null);
      const error = await Promise.race([lost, closed]);
      if (error !== undefined) throw error;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  async function hearOn(): Promise<void> {
    while (!closing.signal.aborted) {
      await hearOnce().catch((error: unknown) =>
        log.warn({ err: error }, 'the listening database connection was lost'),
      );
      await sleep(500, closing.signal);
    }
  }
  const running = hearOn();
  return {
    listen(channel: Channel, hear: (payload: string | null) => void) {
      listeners.get(channel)?.add(hear);
      return () => void listeners.get(channel)?.delete(hear);
    },
    async close() {
      closing.abort();
      await running;
    },
  };
}
