import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listMigrations, openDatabase, type Database, type Db } from '@reeve/db';
import { silentLog, sleep } from '@reeve/kit';
import { ensureTenant } from '@reeve/identity';
import { sql } from 'kysely';
import pg from 'pg';

/** Where the suite runs on PostgreSQL instead of the embedded database: a URL whose user may create databases. */
const server = process.env['REEVE_TEST_DATABASE_URL'];

/** Where its processes reach that PostgreSQL by a connection pooler: the pooler's URL, for any of its databases. */
const pooler = process.env['REEVE_TEST_POOLER_URL'];

/** What the suite runs on. */
export const testDatabaseKind: Database['kind'] = server === undefined ? 'pglite' : 'postgres';

/** Where an empty, migrated database of a test's own is, and how to get rid of it. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string | undefined;
  /** For the embedded database and for files. */
  readonly dataDirectory: string;
}

/** Makes an empty database: on PostgreSQL a clone of a migrated template, else a copy of the snapshot when it is opened. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const dataDirectory = await mkdtemp(join(await directoryForData(), 'reeve-test-'));
  const name = `reeve_test_${randomBytes(6).toString('hex')}`;
  if (server !== undefined)
    await asAdmin(server, async (client) => {
      const template = await ensureTemplate(client, server);
      await client.query(`create database ${name} template ${template}`);
    });
  return {
    url: server === undefined ? undefined : withDatabase(pooler ?? server, name),
    dataDirectory,
    async [Symbol.asyncDispose]() {
      if (server !== undefined) await asAdmin(server, (client) => dropDatabase(client, name));
      // In one go: that is far faster for a thousand small files.
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}

const SHARED_MEMORY = '/dev/shm';
const PLENTY_BYTES = 4 * 2 ** 30;

/** Memory, where there is plenty and programs may be run from it: a database's thousand files cost a disk seconds. */
async function directoryForData(): Promise<string> {
  if (process.platform !== 'linux') return tmpdir();
  const mounts = await readFile('/proc/mounts', 'utf8');
  const options = / \/dev\/shm tmpfs (\S+)/.exec(mounts)?.[1]?.split(',') ?? [];
  if (!options.includes('rw') || options.includes('noexec')) return tmpdir();
  const { bavail, bsize } = await statfs(SHARED_MEMORY);
  return bavail * bsize >= PLENTY_BYTES ? SHARED_MEMORY : tmpdir();
}

/**
 * Opens a test database with the tenants `default` and `other`; disposing closes and removes it. Tests empty its tables, and so it
 * lets go of the audit log, which elsewhere nobody can delete from, unless it is `guarded`.
 */
export async function openTestDatabase({ guarded = false } = {}): Promise<Database> {
  const place = await createTestDatabase();
  const database = await openDatabase({ ...place, pool: 13, log: silentLog });
  if (!guarded) await letGoOfAudit(database);
  await ensureTenant(database.db, 'default');
  await ensureTenant(database.db, 'other');
  return {
    ...database,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}

/** Takes away what keeps the audit log and its chain from being changed, as one who tampers with them would. */
export async function letGoOfAudit({ db }: Database): Promise<void> {
  await sql`alter table audit disable trigger audit_stays`.execute(db);
  await sql`alter table audit_links disable trigger audit_links_stay`.execute(db);
}

/** Cuts connections of clients, all but the one that it asks by: those of its own database, or those that a condition names. */
export async function cutConnections(db: Db, which = sql`datname = current_database()`): Promise<void> {
  // The server has processes of its own, which nobody but a superuser may end.
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where backend_type = 'client backend' and pid <> pg_backend_pid() and ${which}`.execute(db);
}

/** Lets time pass for everything that the database waits for: leases, waiting tasks, approvals, schedules, memories that expire. */
export async function passTime({ db }: Database, ms: number): Promise<void> {
  const interval = sql<Date>`${ms} * interval '1 ms'`;
  await sql`update leases set expires_at = expires_at - ${interval}`.execute(db);
  await sql`update waiting_tasks set due_at = due_at - ${interval}`.execute(db);
  await sql`update steps set model_waited_since = model_waited_since - ${interval} where status = 'pending'`.execute(
    db,
  );
  await sql`update approvals set expires_at = expires_at - ${interval} where status = 'pending'`.execute(db);
  await sql`update caller_calls set expires_at = expires_at - ${interval}`.execute(db);
  await sql`update schedules set next_run_at = next_run_at - ${interval}`.execute(db);
  await sql`update memories set expires_at = expires_at - ${interval}`.execute(db);
  await sql`update memory_extractions set due_at = due_at - ${interval}`.execute(db);
  await sql`update unreferenced_versions set held_until = held_until - ${interval}`.execute(db);
  await sql`update embedding_spaces set held_until = held_until - ${interval}`.execute(db);
  await sql`update external_stores set held_until = held_until - ${interval}`.execute(db);
  await sql`update external_memories set due_at = due_at - ${interval}`.execute(db);
}

const DROP_TRIES = 40;
const FORBIDDEN = '42501';

/** A vacuum of the server's own, which only a superuser may end, is waited for. */
async function dropDatabase(client: pg.Client, name: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await client.query(`drop database if exists ${name} with (force)`);
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== FORBIDDEN || tries === DROP_TRIES) throw error;
      await sleep(250);
    }
  }
}

async function ensureTemplate(client: pg.Client, url: string): Promise<string> {
  const digest = createHash('sha256')
    .update(
      listMigrations()
        .map(({ checksum }) => checksum)
        .join(),
    )
    .digest('hex')
    .slice(0, 12);
  const name = `reeve_template_${digest}`;
  await client.query('select pg_advisory_lock(7263002)');
  const { rowCount } = await client.query('select 1 from pg_database where datname = $1 and datistemplate', [name]);
  if (rowCount === 0) {
    await client.query(`drop database if exists ${name}`);
    await client.query(`create database ${name}`);
    const database = await openDatabase({ url: withDatabase(url, name), pool: 1, dataDirectory: '', log: silentLog });
    await database[Symbol.asyncDispose]();
    await client.query(`alter database ${name} is_template true`);
  }
  await client.query('select pg_advisory_unlock(7263002)');
  return name;
}

async function asAdmin<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}
