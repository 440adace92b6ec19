import { sql } from 'kysely';
import type { Db } from './database.ts';

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
