import { sql, type RawBuilder } from 'kysely';

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
