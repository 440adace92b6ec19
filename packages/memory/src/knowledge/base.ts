import type { KnowledgeBase } from '@reeve/contract';

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
