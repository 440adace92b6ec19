/** A memory that the backend found. */
export interface ExternalHit {
  /** The memory’s ID as the backend returns it; whether it exists, and whose it is, is checked later. */
  readonly id: string;
  readonly score: number;
}

/** An external backend’s answer to a query. */
export interface ExternalAnswer {
  /** Best first; undefined if the backend did not answer. */
  readonly hits: readonly ExternalHit[] | undefined;
}
