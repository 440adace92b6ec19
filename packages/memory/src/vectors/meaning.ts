import { createHash } from 'node:crypto';
import type { LexicalText } from '../lexical/write.ts';

/** Rises with each change of what vectors are made of; all are made anew then, beside the old ones. */
export const MEANING_VERSION = 1;

/** Characters that a vector is made of: some 1,500 tokens of English, which every usual model takes. */
const LONGEST = 6_000;

/** What the vector of a text is made of, '' where it says nothing. */
export function meaningOf({ fields, meaning }: Pick<LexicalText, 'fields' | 'meaning'>): string {
  const said = meaning ?? fields.map(({ text }) => text).join('\n');
  return said.trim().slice(0, LONGEST).toWellFormed();
}

/** Which meanings are the same. */
export function hashOf(meaning: string): string {
  return createHash('sha256').update(meaning).digest('hex').slice(0, 32);
}
