import { MAX_DOCUMENT_BYTES } from '@reeve/contract';
import { addFile, refreshKnowledge, type AddedDocument, type Base } from '../../api/knowledge.ts';
import { formatCount } from '../../ui/format.ts';
import { sizeRefusal } from '../uploads/size-refusal.ts';
import type { Destination } from '../uploads/uploads.ts';

/** A knowledge base, as a place that takes files. */
export const knowledgeBase = (base: Base): Destination => ({
  key: `${base.personaId} ${base.kb}`,
  refusal: (file) => sizeRefusal(file, MAX_DOCUMENT_BYTES),
  afterwards: 'is being read',
  send: async ({ file, signal, onSent }) => outcomeOf(await addFile(base, file, signal, onSent)),
  refresh: refreshKnowledge,
});

/** What became of a document that was added, in a sentence. */
export function outcomeOf({ deduplicated, replaced, chunk_count: count }: AddedDocument): string {
  const chunks = count === 1 ? '1 chunk' : `${formatCount(count)} chunks`;
  if (deduplicated) return 'Was there already, word for word: nothing changed';
  return replaced ? `Replaced what came from there before, ${chunks}` : `Added, ${chunks}`;
}
