import type { RecalledKind } from './kinds.ts';

export interface MemoryView {
  /** What is looked for. */
  readonly ask?: string | undefined;
  readonly in?: RecalledKind | undefined;
  readonly top?: number | undefined;
  /** Whose memories, by id. */
  readonly persona?: string | undefined;
  /** What memories must have. */
  readonly tag?: string | undefined;
  /** Where something is looked for, the first and the last day on which it was remembered or said, in UTC. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly offset?: number | undefined;
  /** The memory that is being changed, and the one that is to become one with another. */
  readonly edit?: string | undefined;
  readonly merge?: string | undefined;
}

export interface MemoryPageProps {
  readonly search: MemoryView;
  readonly onSearch: (change: MemoryView, replace?: boolean) => void;
}
