import { sql } from 'kysely';
import type { Db } from './database.ts';

/** How large tables were when they were last looked through, by name. */
export type TableSizes = Map<string, number>;

/** What a table has to have grown by, as a share of what it was. */
const GROWTH = 0.25;

/**
 * Vacuums the table that has grown most, if by more than a quarter and so many bytes, so that the room of rows that are gone is used
 * again: the embedded database has no process that does so. A table that is not known yet is only measured. Answers its name.
 */
export async function reuseRoom(db: Db, sizes: TableSizes, bytes: number): Promise<string | undefined> {
  const { rows } = await sql<{ name: string; size: number }>`
    select relname as name, pg_total_relation_size(oid) as size from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace`.execute(db);
  const grown = rows
    .map(({ name, size }) => ({ name, by: size - (sizes.get(name) ?? size), before: sizes.get(name) ?? size }))
    .filter(({ by, before }) => by > Math.max(bytes, before * GROWTH))
    .toSorted((one, other) => other.by - one.by);
  const vacuumed = grown[0]?.name;
  if (vacuumed !== undefined) await sql`vacuum ${sql.table(vacuumed)}`.execute(db);
  for (const { name, size } of rows) if (!sizes.has(name) || name === vacuumed) sizes.set(name, size);
  return vacuumed;
}

/**
 * Makes a checkpoint where the log that was written since the last one is longer than that, so that its files are used again or
 * removed: the embedded database has no process that does so, and its log would grow as long as it is open. Answers whether it did.
 */
export async function shortenLog(db: Db, bytes: number): Promise<boolean> {
  const { rows } = await sql<{ long: boolean }>`
    select pg_current_wal_insert_lsn() - redo_lsn > ${bytes} as long from pg_control_checkpoint()`.execute(db);
  if (rows[0]?.long !== true) return false;
  await sql`checkpoint`.execute(db);
  return true;
}
