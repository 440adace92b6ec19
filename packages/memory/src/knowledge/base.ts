import type { KnowledgeBase } from '@reeve/contract';
import type { IndexedText } from '@reeve/retrieval';

/** One knowledge base of one persona. */
export interface Base {
  readonly tenantId: string;
  readonly personaId: string;
  readonly knowledgeBase: KnowledgeBase;
}

const KINDS = { 'Soul-KB': 'soul', 'Domain-KB': 'domain', 'Body-KB': 'body', 'Mind-KB': 'mind' } as const;

/** What the index calls a knowledge base. */
export function kindOf(knowledgeBase: KnowledgeBase) {
  return KINDS[knowledgeBase];
}

/** The knowledge base that the index calls so; undefined for what is none. */
export function knowledgeBaseOf(kind: string): KnowledgeBase | undefined {
  return (Object.keys(KINDS) as KnowledgeBase[]).find((knowledgeBase) => KINDS[knowledgeBase] === kind);
}

/** What a chunk is found by: its words, and those above it. */
export function chunkText(
  title: string | null,
  { id, text, headings }: { readonly id: string; readonly text: string; readonly headings: readonly string[] },
): IndexedText {
  return {
    ref: id,
    fields: [
      { text: [title ?? '', ...headings].join('\n'), weight: 2 },
      { text, weight: 1 },
    ],
  };
}
