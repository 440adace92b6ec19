import { CompiledQuery, sql, type RawBuilder } from 'kysely';
import type { Db } from './database.ts';

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

/**
 * Runs a statement whose text is known beforehand, with `$1`, `$2`… for its parameters. For those that are repeated so often that
 * composing their text each time would cost more than the driver does.
 */
export async function runText<Row>(db: Db, text: string, parameters: readonly unknown[]): Promise<Row[]> {
  const { rows } = await db.executeQuery<Row>(CompiledQuery.raw(text, [...parameters]));
  return rows;
}
