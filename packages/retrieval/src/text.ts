/** A text that can be found. `ref` names it within its space. Terms of a field count as often as its weight, a whole number from 1, says. */
export interface IndexedText {
  readonly ref: string;
  readonly fields: readonly { readonly text: string; readonly weight: number }[];
  /** What its vector is computed from, if that is not all of its fields. */
  readonly embeddingInput?: string;
}
