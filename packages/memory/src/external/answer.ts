/** A memory that the backend found. */
export interface ExternalHit {
  /** Of the memory, as it was told with it. Whether there is such a memory, and whose it is, is not known yet. */
  readonly id: string;
  readonly score: number;
}

/** What an external backend said to a query. */
export interface ExternalAnswer {
  /** The best first; undefined where it did not answer. */
  readonly hits: readonly ExternalHit[] | undefined;
}
