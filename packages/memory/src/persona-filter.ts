import { sql, type RawBuilder } from 'kysely';

/** What stands for no persona where an index has one row for each. */
const noPersona = sql.lit('00000000-0000-0000-0000-000000000000');

/** A row's persona, as the unique indexes over it have it. */
const personaKey = sql`coalesce(persona_id, ${noPersona})`;

/** That a row belongs to a persona; to none where it is null. Served by those indexes. */
export function ofPersona(personaId: string | null): RawBuilder<boolean> {
  return sql<boolean>`${personaKey} = coalesce(${personaId}::uuid, ${noPersona})`;
}
