import type { Persona } from '@reeve/contract';
import type { NewPersona, PersonaChange } from '../../api/knowledge.ts';

/** A persona as it is typed. */
export interface PersonaDraft {
  readonly name: string;
  /** Empty where it is to be made of the name. */
  readonly slug: string;
  readonly description: string;
}

/** What a form begins with. */
export const personaDraft = (persona: Persona | undefined): PersonaDraft => ({
  name: persona?.name ?? '',
  slug: persona?.slug ?? '',
  description: persona?.description ?? '',
});

/** The request that makes a persona of what was typed. */
export function personaOf(draft: PersonaDraft): NewPersona {
  const { name, slug, description } = trimmed(draft);
  return { name, description, ...(slug !== '' && { slug }) };
}

/** What of a persona was changed; undefined for nothing. An emptied slug is sent as it is, so that the server says what it must be. */
export function changesOf(persona: Persona, draft: PersonaDraft): PersonaChange | undefined {
  const typed = trimmed(draft);
  const changed = (['name', 'slug', 'description'] as const).filter((field) => typed[field] !== persona[field]);
  return changed.length === 0 ? undefined : Object.fromEntries(changed.map((field) => [field, typed[field]]));
}

function trimmed({ name, slug, description }: PersonaDraft): PersonaDraft {
  return { name: name.trim(), slug: slug.trim(), description: description.trim() };
}
