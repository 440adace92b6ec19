import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ReeveError } from '@reeve/kit';
import { SETTINGS, settingCalls } from './plans.ts';

export interface Migration {
  readonly name: string;
  readonly checksum: string;
  readonly text: string;
}

/** Runs SQL text, several statements at once where there are several, and answers the rows of the last. */
export type RunSql = (text: string) => Promise<unknown[]>;

const directory = join(import.meta.dirname, '../migrations');

/** Every migration that this program knows, in order. */
export function listMigrations(): Migration[] {
  return readdirSync(directory)
    .filter((file) => /^\d{4}_\w+\.sql$/.test(file))
    .sort()
    .map((name) => {
      const text = readFileSync(join(directory, name), 'utf8');
      return { name, text, checksum: createHash('sha256').update(text).digest('hex') };
    });
}

/**
 * Brings the schema to this program's version: forward only, each migration in a transaction of its own, one process
 * at a time (a lock that ends with the transaction, so that it works through a pooler). Refuses a database that a newer program has
 * migrated, or whose applied migrations differ from ours. Answers the names it applied.
 */
export async function migrate(run: RunSql): Promise<string[]> {
  const applied: string[] = [];
  for (let name = await applyNext(run); name !== undefined; name = await applyNext(run)) applied.push(name);
  return applied;
}

/** Applies the first migration that is pending and answers its name; undefined where none is. */
async function applyNext(run: RunSql): Promise<string | undefined> {
  return inLockedTransaction(run, LOCK, async () => {
    const [next] = await pendingMigrations(run);
    if (next === undefined) return undefined;
    const { name, text, checksum } = next;
    try {
      await run(`${text}; insert into reeve_migrations (name, checksum) values ('${name}', '${checksum}')`);
    } catch (error) {
      throw new ReeveError('internal', `migration ${name} failed: ${ReeveError.from(error).message}`, { cause: error });
    }
    return name;
  });
}

/** Does work in one transaction, with the settings of all statements, alone among all processes that take the same lock. */
export async function inLockedTransaction<T>(run: RunSql, lock: number, work: () => Promise<T>): Promise<T> {
  await run('begin');
  try {
    await run(`select pg_advisory_xact_lock(${lock}), ${settingCalls(SETTINGS, 'transaction')}`);
    const result = await work();
    await run('commit');
    return result;
  } catch (error) {
    // A connection that is lost has rolled back already.
    await run('rollback').catch(() => undefined);
    throw error;
  }
}

/** What `migrate` would apply, having created its own table where it is missing. */
export async function pendingMigrations(run: RunSql): Promise<Migration[]> {
  await run(
    'create table if not exists reeve_migrations (name text primary key, checksum text not null, applied_at timestamptz not null default clock_timestamp())',
  );
  const rows = (await run('select name, checksum from reeve_migrations order by name')) as {
    name: string;
    checksum: string;
  }[];
  const known = listMigrations();
  for (const [index, row] of rows.entries()) {
    const ours = known[index];
    if (ours?.name === row.name && ours.checksum === row.checksum) continue;
    throw new ReeveError(
      'conflict',
      ours?.name === row.name
        ? `the database was migrated with another text of ${row.name}; this program does not fit it`
        : `the database knows the migration ${row.name}, this program does not: start a newer Reeve`,
    );
  }
  return known.slice(rows.length);
}

const LOCK = 7_263_001;
