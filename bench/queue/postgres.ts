import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** An empty database of its own in the server that was named; disposing drops it. */
export interface OwnDatabase extends AsyncDisposable {
  readonly url: string;
}

/** Makes one. */
export async function createDatabase(serverUrl: string): Promise<OwnDatabase> {
  const name = `reeve_bench_${randomBytes(6).toString('hex')}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await withClient(serverUrl, (client) => client.query(`create database ${name}`));
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      await withClient(serverUrl, (client) => client.query(`drop database if exists ${name} with (force)`));
    },
  };
}

/** What makes commits durable on that server, in one line. Fails where they are not: no figure counts then. */
export async function checkDurability(serverUrl: string): Promise<string> {
  return withClient(serverUrl, async (client) => {
    const { rows } = await client.query<Record<'version' | 'commit' | 'fsync' | 'buffers', string>>(`
      select current_setting('server_version') as version, current_setting('synchronous_commit') as commit,
        current_setting('fsync') as fsync, current_setting('shared_buffers') as buffers`);
    const { version, commit, fsync, buffers } = rows[0]!;
    const found = `PostgreSQL ${version}: synchronous_commit = ${commit}, fsync = ${fsync}, shared_buffers = ${buffers}`;
    if (commit !== 'on' || fsync !== 'on') throw new Error(`durability is switched off: ${found}`);
    return found;
  });
}

/** Vacuums and analyzes the whole database, as autovacuum will have done some time after many rows were written. */
export async function vacuum(url: string): Promise<void> {
  await withClient(url, (client) => client.query('vacuum analyze'));
}

/** Keeps a snapshot open in that database, as a forgotten transaction does. */
export async function holdSnapshot(url: string): Promise<AsyncDisposable> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query('begin isolation level repeatable read');
  await client.query('select pg_current_xact_id()');
  return { [Symbol.asyncDispose]: () => client.end() };
}

/** Transactions a second that ended in each database over `seconds`, asked from outside of them. */
export async function countTransactions(
  serverUrl: string,
  urls: readonly string[],
  seconds: number,
): Promise<Map<string, number>> {
  return withClient(serverUrl, async (client) => {
    const read = async () => {
      const { rows } = await client.query<{ name: string; ended: number }>(`
        select datname as name, (xact_commit + xact_rollback)::float8 as ended from pg_stat_database where datname is not null`);
      return new Map(rows.map(({ name, ended }) => [name, ended]));
    };
    const before = await read();
    await sleep(seconds * 1000);
    const after = await read();
    return new Map(
      urls.map((url) => {
        const name = new URL(url).pathname.slice(1);
        return [url, (after.get(name)! - before.get(name)!) / seconds];
      }),
    );
  });
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
