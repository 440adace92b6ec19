/** What a program in the sandbox is asked, as JSON on its standard input. */
export interface Question {
  /** Precedes the answer, so that nothing else on the same descriptor passes for it. */
  readonly mark: string;
  /** The extension as the program sees it. */
  readonly file: string;
  /** Null: it is to tell of its tool. */
  readonly call: {
    readonly input: unknown;
    readonly context: {
      readonly sessionId: string;
      readonly runId: string | null;
      readonly idempotencyKey: string;
    };
  } | null;
}

/** What it answers. */
export type Answer =
  /** What its tool says of itself, unchecked. */
  | { readonly kind: 'tool'; readonly tool: unknown }
  | { readonly kind: 'result'; readonly value: unknown }
  /** The input is not what the tool takes. */
  | { readonly kind: 'wrong'; readonly issues: readonly string[] }
  /** The tool threw, or could not be loaded. */
  | { readonly kind: 'failed'; readonly message: string };

/** Where the program finds what it is made of. */
export const PLACES = {
  /** This folder. */
  inside: '/reeve/inside',
  /** The authoring part of the client. */
  client: '/reeve/client',
  zod: '/reeve/node_modules/zod',
  extensions: '/extensions',
} as const;

/** The descriptor that the sandbox lets programs answer on. */
export const ANSWER_FD = 7;
