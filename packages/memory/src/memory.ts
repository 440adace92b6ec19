import { createHash } from 'node:crypto';
import { invalidField } from '@reeve/kit';

/**
 * What two texts share that say the same: a digest of the text in Unicode's compatibility form, in lower case, with
 * every run of white space as one space. Throws `invalid_request` for a text of nothing but white space.
 */
export function digestOf(text: string): string {
  const normal = text.normalize('NFKC').toLowerCase().replace(/\s+/gu, ' ').trim();
  if (normal === '') throw invalidField('text', 'must say something');
  return createHash('sha256').update(normal).digest('hex');
}

/** A text search query for any of the lexemes, each quoted whole: nothing in them is an operator. Null for none. */
export function anyOf(lexemes: readonly string[]): string | null {
  if (lexemes.length === 0) return null;
  return lexemes.map((lexeme) => `'${lexeme.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`).join(' | ');
}
