import type { Document } from './collections.ts';

/** Something that finds texts by their words. */
export interface Contender {
  readonly name: string;
  /** Adds documents to those that are there. */
  readonly add: (documents: readonly Document[]) => Promise<void>;
  /** Ids, best first. */
  readonly search: (query: string, count: number) => Promise<string[]>;
  /** Bytes of the index, the texts not counted; undefined where nobody can tell. */
  readonly bytes?: () => Promise<number>;
}
