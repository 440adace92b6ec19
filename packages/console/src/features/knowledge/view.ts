import type { KnowledgeSearchView } from './knowledge-search.tsx';

export interface KnowledgeView extends KnowledgeSearchView {
  /** Set where all personas are searched, instead of being listed. */
  readonly show?: 'search' | undefined;
  readonly q?: string | undefined;
  readonly offset?: number | undefined;
  readonly create?: true | undefined;
}
