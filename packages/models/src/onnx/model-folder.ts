/** An embedding model as a folder, in the shape in which Hugging Face has them. Plain data, to be sent to a worker. */
export interface ModelFolder {
  readonly path: string;
  /** Of the folder. */
  readonly name: string;
  readonly modelFile: string;
  /** Weights that a large model has beside itself. */
  readonly dataFile: string | undefined;
  readonly bytes: number;
  /** How the vectors of a text's tokens become one. */
  readonly pooling: 'mean' | 'cls';
  /** Tokens of a text, the special ones included; what is longer is cut. */
  readonly maxTokens: number;
  readonly paddingId: number;
  /** SHA-256 of every file that decides about vectors, in hexadecimal. */
  readonly digest: string;
}
