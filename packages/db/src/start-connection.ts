import { randomInt } from 'node:crypto';
import { ReeveError, sleep } from '@reeve/kit';
import pg from 'pg';
import type { RunSql } from './migrate.ts';
import { findPoolerMode, poolerName, type Pooler } from './pooler.ts';
import { isEndedByServer, isUnreachable } from './sqlstate.ts';

/** Where PostgreSQL is. */
export interface PostgresAddress {
  readonly url: string;
  /** The same database without a pooler in transaction mode, where `url` has one. */
  readonly directUrl?: string | undefined;
}

/** A connection for what is done once, before any other is made: it goes by the direct address where there is one. */
export interface StartConnection extends AsyncDisposable {
  readonly run: RunSql;
  /** Undefined where `url` leads to PostgreSQL itself. */
  readonly pooler: Pooler | undefined;
}

/** What every connection asks for at its start. No `options`: poolers refuse them, or drop them without a word. */
export const CONNECTION = {
  connectionTimeoutMillis: 5_000,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  application_name: 'reeve',
} as const;

/**
 * Connects and finds out what is there. Fails with `unavailable` where an address cannot be reached, where PostgreSQL is older than
 * 15, and where the direct address leads elsewhere or to a pooler in transaction mode as well.
 */
export async function openStartConnection({ url, directUrl }: PostgresAddress): Promise<StartConnection> {
  await using stack = new AsyncDisposableStack();
  const open = async (variable: string, to: string) => {
    const client = await connect(variable, to);
    stack.defer(() => client.end());
    const mode = await findPoolerMode(client, () => connect(variable, to));
    if (mode === 'transaction') await requireTransactions(variable, client);
    return { client, mode };
  };
  const usual = await open('DATABASE_URL', url);
  const direct = directUrl === undefined ? undefined : await open('DATABASE_DIRECT_URL', directUrl);
  if (direct !== undefined) await requireDirect(direct, usual.client);
  const { client } = direct ?? usual;
  const parts = stack.move();
  return {
    pooler: usual.mode && {
      name: poolerName(url),
      mode: usual.mode,
      listens: usual.mode === 'session' || direct !== undefined,
    },
    async run(text) {
      const result = (await client.query(text)) as unknown as { rows: unknown[] } | { rows: unknown[] }[];
      return (Array.isArray(result) ? result.at(-1) : result)?.rows ?? [];
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Tries that a pooler is given: it may hand out connections that the server has just ended. */
const TRIES = 5;
const TRY_AGAIN_MS = 100;

async function connect(variable: string, url: string): Promise<pg.Client> {
  for (let left = TRIES - 1; ; left -= 1)
    try {
      return await connectOnce(variable, url);
    } catch (error) {
      if (left === 0 || !isEndedByServer(ReeveError.from(error).cause)) throw error;
      await sleep(TRY_AGAIN_MS);
    }
}

async function connectOnce(variable: string, url: string): Promise<pg.Client> {
  const client = new pg.Client({ ...CONNECTION, connectionString: url });
  // A connection that breaks fails the query that waits for it.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ version: string }>(`select current_setting('server_version_num') as version`);
    const found = Number(rows[0]?.version);
    if (found < 150_000)
      throw new ReeveError(
        'unavailable',
        `${variable}: PostgreSQL 15 or newer is needed, this is ${Math.floor(found / 10_000)}`,
      );
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    if (error instanceof ReeveError) throw error;
    const hint = isUnreachable(error) ? 'nothing answers there' : ReeveError.from(error).message;
    throw new ReeveError('unavailable', `${variable}: cannot connect to PostgreSQL: ${hint}`, { cause: error });
  }
}

/** Refuses a pooler in statement mode, which has no transactions. */
async function requireTransactions(variable: string, client: pg.Client): Promise<void> {
  try {
    await client.query('begin');
    await client.query('rollback');
  } catch (error) {
    const { message } = ReeveError.from(error);
    throw new ReeveError('unavailable', `${variable}: the pooler there refuses transactions: ${message}`, {
      cause: error,
    });
  }
}

/** Refuses a direct address that would lose notifications, or migrate another database. */
async function requireDirect(
  { client, mode }: { readonly client: pg.Client; readonly mode: Pooler['mode'] | undefined },
  usual: pg.Client,
): Promise<void> {
  if (mode === 'transaction')
    throw new ReeveError(
      'unavailable',
      'DATABASE_DIRECT_URL: a pooler in transaction mode answers there; it must lead to PostgreSQL itself, or to a pooler in session mode',
    );
  // A lock that one holds and the other is given shows that they are not in one database.
  const lock = randomInt(2 ** 47);
  await client.query(`begin; select pg_advisory_xact_lock(${lock})`);
  try {
    const { rows } = await usual.query<{ got: boolean }>(`select pg_try_advisory_xact_lock(${lock}) as got`);
    if (rows[0]?.got)
      throw new ReeveError('unavailable', 'DATABASE_DIRECT_URL: it leads to another database than DATABASE_URL');
  } finally {
    await client.query('rollback');
  }
}
