import { createHash } from 'node:crypto';
import type { IndexedText } from '../text.ts';

/** Raise it with each change of what vectors are computed from: all vectors are then computed again, beside the old ones. */
export const EMBEDDING_INPUT_VERSION = 1;

/** Characters of a text that are embedded: some 1,500 tokens of English, which every usual model takes. */
const LONGEST = 6_000;

/** The text that an embedder is given for an indexed text; `''` for a blank one, which gets no vector. */
export function embeddingInputOf({ fields, embeddingInput }: Pick<IndexedText, 'fields' | 'embeddingInput'>): string {
  const input = embeddingInput ?? fields.map(({ text }) => text).join('\n');
  return input.trim().slice(0, LONGEST).toWellFormed();
}

/** Equal for equal inputs, whose vectors are the same too. */
export function hashOf(input: string): string {
  return createHash('sha256').update(input).digest('hex').slice(0, 32);
}
