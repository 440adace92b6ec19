export interface BaseSearch {
  readonly q?: string | undefined;
  readonly offset?: number | undefined;
  /** The document whose chunks are open, from which on, and which of them is meant. */
  readonly document?: string | undefined;
  readonly from?: number | undefined;
  readonly chunk?: number | undefined;
  /** Whether the form for a text is open. */
  readonly add?: true | undefined;
}
