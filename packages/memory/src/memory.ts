import { createHash } from 'node:crypto';
import { invalidField } from '@reeve/kit';
import type { IndexedText } from '@reeve/retrieval';
import { OWN_WEIGHT } from './message.ts';

/**
 * What two texts share that say the same: a digest of the text in Unicode's compatibility form, in lower case, with
 * every run of white space as one space. Throws `invalid_request` for a text of nothing but white space.
 */
export function digestOf(text: string): string {
  const normal = text.normalize('NFKC').toLowerCase().replace(/\s+/gu, ' ').trim();
  if (normal === '') throw invalidField('text', 'must say something');
  return createHash('sha256').update(normal).digest('hex');
}

/** The indexed text of a memory. It weighs as much as a message’s own words, so that both rank alike. */
export function memoryText(id: string, text: string): IndexedText {
  return { ref: id, fields: [{ text, weight: OWN_WEIGHT }] };
}
