import type { LexicalText } from '../lexical/index.ts';
import type { StoredChunk } from './document-store.ts';

/** What a chunk is found by: the title of its document and the headings above it weigh twice as much as its own words. */
export function chunkText(
  title: string | null,
  { id, headings, text }: Pick<StoredChunk, 'id' | 'headings' | 'text'>,
): LexicalText {
  return {
    ref: id,
    fields: [
      { text: [title ?? '', ...headings].join('\n'), weight: 2 },
      { text, weight: 1 },
    ],
  };
}
