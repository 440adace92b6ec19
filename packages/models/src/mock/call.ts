/** A tool call that a request asks for, in the words of the built-in tools. */
export interface PlannedCall {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** A planned call that was made, with what it came to. */
export interface DoneCall {
  readonly call: PlannedCall;
  readonly output: unknown;
  readonly isError: boolean;
}

/** Stands in a plan for "the result": what the call before this one gave. */
export const PREVIOUS_RESULT = Symbol('previous result');
