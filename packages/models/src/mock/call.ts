/** A tool call that a request asks for, in the words of the built-in tools. */
export interface PlannedCall {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** Said before its result: what the call does not heed. */
  readonly note?: string;
}

/** A planned call that was made, with its result. */
export interface DoneCall {
  readonly call: PlannedCall;
  readonly output: unknown;
  readonly isError: boolean;
}

/** Placeholder in a plan for the previous call's result. */
export const PREVIOUS_RESULT = Symbol('previous result');
