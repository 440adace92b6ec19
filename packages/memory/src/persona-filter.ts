import { sql, type RawBuilder } from 'kysely';

/** Represents no persona in indexes with one row per persona. */
const noPersona = sql.lit('00000000-0000-0000-0000-000000000000');

/** A row's persona, as the unique indexes over it have it. */
const personaKey = sql`coalesce(persona_id, ${noPersona})`;

/** Filters rows by persona; null selects rows of none. Uses those indexes. */
export function ofPersona(personaId: string | null): RawBuilder<boolean> {
  return sql<boolean>`${personaKey} = coalesce(${personaId}::uuid, ${noPersona})`;
}
