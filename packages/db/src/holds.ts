import type { Db } from './database.ts';
import { sql, type RawBuilder } from 'kysely';

/*
 * A row that one process at a time works on
 *
 *   free ──hold──► held for a while ──held again by its holder──► held longer ──released, expired, the embedded database opened──► free
 */

/** Tables whose rows are held, by the columns `holder` and `held_until`. */
const HELD = ['embedding_spaces', 'external_stores'] as const;
export type HeldTable = (typeof HELD)[number];

/** Holds a row for one process, or extends its hold. Returns false if another process holds it or no such row exists. */
export async function hold(
  db: Db,
  table: HeldTable,
  row: RawBuilder<boolean>,
  { holder, holdMs }: { readonly holder: string; readonly holdMs: number },
): Promise<boolean> {
  const { rows } = await sql`
    update ${sql.table(table)} set holder = ${holder}, held_until = reeve_now() + ${holdMs}::float8 * interval '1 ms'
    where ${row} and (holder is null or holder = ${holder} or held_until <= reeve_now())
    returning holder`.execute(db);
  return rows.length === 1;
}

/** Ends a process's hold of a row. */
export async function release(db: Db, table: HeldTable, row: RawBuilder<boolean>, holder: string): Promise<void> {
  await sql`
    update ${sql.table(table)} set holder = null, held_until = null where ${row} and holder = ${holder}`.execute(db);
}

/** Ends all holds. Called when the embedded database is opened, since every process that held a row is dead by then. */
export async function expireHolds(db: Db): Promise<void> {
  for (const table of HELD)
    await sql`update ${sql.table(table)} set holder = null, held_until = null where holder is not null`.execute(db);
}
