import { CompiledQuery, sql, type RawBuilder } from 'kysely';
import type { Db, Tx } from './database.ts';

/** A value as a jsonb parameter. Plain parameters won't do: the driver would make a Postgres array of a JSON array. */
export function json(value: unknown): RawBuilder<string> {
  return sql<string>`${JSON.stringify(value ?? null)}::text::jsonb`;
}

/** The database's clock; every decision about time in SQL uses it, whichever machine asks. */
export const now: RawBuilder<Date> = sql<Date>`reeve_now()`;

/** A text for LIKE with its wildcards taken literally. */
export function likeText(text: string): string {
  return `%${text.replace(/[\\%_]/g, '\\$&')}%`;
}

/** A statement whose text is known beforehand, with `$1`, `$2`… for its parameters. */
export interface Statement {
  readonly text: string;
  readonly parameters: readonly unknown[];
}

/**
 * Runs a statement whose text is known beforehand, with `$1`, `$2`… for its parameters. For those that are repeated so often that
 * composing their text each time would cost more than the driver does.
 */
export function runText<Row>(db: Db, text: string, parameters: readonly unknown[]): Promise<Row[]> {
  return runStatement(db, { text, parameters });
}

/** The same of a statement that others run together with more. */
export async function runStatement<Row>(db: Db, { text, parameters }: Statement): Promise<Row[]> {
  const { rows } = await db.executeQuery<Row>(CompiledQuery.raw(text, [...parameters]));
  return rows;
}

/**
 * Runs statements of a transaction one after the other, and answers the rows of each. They are sent at once: a process and its
 * database otherwise spend as long on waking each other as on a small statement. Where one fails, none after it is run.
 */
export async function runTogether(tx: Tx, statements: readonly Statement[]): Promise<readonly unknown[][]> {
  if (statements.length === 0) return [];
  const { rows } = await tx.executeQuery<unknown[]>(CompiledQuery.raw(TOGETHER, [...statements]));
  return rows;
}

/** What stands for the text of statements that are run together; their answers are its rows. */
export const TOGETHER = 'together';
