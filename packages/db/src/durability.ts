import { sql } from 'kysely';
import type { Database } from './database.ts';

/**
 * Waits until everything that was committed before is on the disk, asynchronous commits included: the write-ahead log is sequential,
 * so a synchronous commit behind them takes them along. On PGlite no commit is asynchronous.
 */
export async function waitForDisk({ kind, db }: Database): Promise<void> {
  if (kind === 'postgres') await sql`select pg_logical_emit_message(true, 'reeve', '')`.execute(db);
}
