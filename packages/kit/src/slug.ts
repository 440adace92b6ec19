import { invalidField } from './error.ts';
import { isUuidShaped } from './id.ts';

/*
 * Slugs are names that a person gives a thing to call it by, beside its id: letters, digits, `-` and `_`, in any case.
 */

/** Room for a suffix within the 100 characters of a slug. */
const DERIVED_LENGTH = 90;

/** A slug made of a name's letters and digits, in lower case; `what`, such as `agent`, where it has none. */
export function slugFromName(name: string, what: string): string {
  const slug = name
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, DERIVED_LENGTH)
    .replace(/^-+|-+$/g, '');
  if (slug === '') return what;
  return isUuidShaped(slug) ? `${what}-${slug}` : slug;
}

/** The slug itself where it is free, else the first free of `slug-2`, `slug-3`, …; `taken` are in lower case. */
export function freeSlug(slug: string, taken: ReadonlySet<string>): string {
  let free = slug;
  for (let n = 2; taken.has(free.toLowerCase()); n++) free = `${slug}-${n}`;
  return free;
}

/** Throws `invalid_request` for a slug that would be read as the id of such a thing; `what`: `an agent`. */
export function requireSlug(slug: string, what: string): void {
  if (!isUuidShaped(slug)) return;
  throw invalidField('slug', `must not look like a UUID: it would be taken for the id of ${what}`);
}
