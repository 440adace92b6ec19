/*
 * How a tool of one's own is written. This file imports nothing: it is also what an extension gets as `@reeve/client` where it
 * runs, in the sandbox.
 */

/** What doing a call twice would do: nothing, the same as once, or something more. It decides what happens after a crash. */
export type ToolEffect = 'none' | 'idempotent' | 'external';

/** On whose behalf a tool is called. */
export interface ToolCall {
  /** The session's files: the current directory, and the only place that can be written and stays. */
  readonly workspace: string;
  readonly sessionId: string;
  /** Null where the tool is called outside a run. */
  readonly runId: string | null;
  /** The same on a repeat of the same step. */
  readonly idempotencyKey: string;
}

/** A schema that checks what it is given and can say itself as JSON Schema: one of zod 4.2 or newer, for example. */
export interface InputSchema<Input> {
  readonly '~standard': {
    readonly types?: { readonly output: Input } | undefined;
    validate(value: unknown): SchemaResult<Input> | Promise<SchemaResult<Input>>;
    readonly jsonSchema: { input(options: { readonly target: 'draft-2020-12' }): Record<string, unknown> };
  };
}

type SchemaResult<Input> =
  | { readonly value: Input; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[] };

/** JSON Schema of an object. */
export interface JsonSchema {
  readonly type: 'object';
  readonly [keyword: string]: unknown;
}

/** A function that agents can call. */
export interface ExtensionTool<Input> {
  /** The name of its file, without the ending. */
  readonly name: string;
  /** What it does and when it is of use, written for the model. */
  readonly description: string;
  readonly effect: ToolEffect;
  readonly input: InputSchema<Input> | JsonSchema;
  /** When a call is ended, in milliseconds; 30 000 where it is left out. */
  readonly timeoutMs?: number;
  /** What it answers with must be JSON. An error that it throws is told to the model, by its message. */
  execute(input: Input, call: ToolCall): unknown;
}

/** What a tool is known by where it is loaded. */
const TOOL = Symbol.for('reeve.tool');

/** Declares the tool of an extension; the file exports what it answers. */
export function defineTool<Input = Readonly<Record<string, unknown>>>(
  tool: ExtensionTool<Input>,
): ExtensionTool<Input> {
  return { ...tool, [TOOL]: true } as ExtensionTool<Input>;
}
