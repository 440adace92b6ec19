import type { Db } from './database.ts';
import { sql, type RawBuilder } from 'kysely';

/*
 * A row that one process at a time works on
 *
 *   free ──hold──► somebody's, for a while ──held longer──► … ──released, lapsed, the embedded database opened──► free
 */

/** Tables whose rows are held, by the columns `holder` and `held_until`. */
const HELD = ['embedding_spaces', 'external_stores'] as const;
export type HeldTable = (typeof HELD)[number];

/** Gives a table's row to one process for a while, or longer to the one that has it; false where another has, or there is no such row. */
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

/** Lets others have a row at once. */
export async function release(db: Db, table: HeldTable, row: RawBuilder<boolean>, holder: string): Promise<void> {
  await sql`
    update ${sql.table(table)} set holder = null, held_until = null where ${row} and holder = ${holder}`.execute(db);
}

/** Lets anybody have any row: when the embedded database is opened, whoever held one is dead. */
export async function expireHolds(db: Db): Promise<void> {
  for (const table of HELD)
    await sql`update ${sql.table(table)} set holder = null, held_until = null where holder is not null`.execute(db);
}
