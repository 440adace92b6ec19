import type { ToolDefinition } from '@reeve/tools';
import type { ModelRequest } from '@reeve/models';
import { invalidField, ReeveError } from '@reeve/kit';

/*
 * Tools of the caller
 *
 * A caller may offer tools beside those of the agent it asks. They last for that one run; no child run and no fork gets them.
 *
 *   model calls one ──► step pending, a row of caller_calls ──the others of the turn are done──► run suspended (`caller`)
 *        ▲                                                                                             │
 *        └── all calls of the turn are settled ◄── settled with the result ◄── the caller answers ─────┤
 *                                              ◄── settled with an error  ◄── its time runs out ───────┘
 *
 * The answer is written beside the step and the task is resumed in one transaction (answer-calls.ts); whoever works on the run
 * reads it there and settles the step, as it does with the decisions of people.
 */

/** What a caller offers to a run. */
export interface CallerTools {
  readonly tools: readonly ToolDefinition[];
  /** Holds for the first model call of the run: were it for all, a run that must call a tool would not end. */
  readonly choice?: NonNullable<ModelRequest['toolChoice']>;
}

/** The most tools that a caller may offer, the size of all of them as JSON text in bytes, and how deep a schema may be. */
const MAX_TOOLS = 128;
const MAX_BYTES = 256 * 1024;
const MAX_DEPTH = 24;

/**
 * Throws `invalid_request` for tools that are too many, too large or too deep, that share a name with each other or with a tool of
 * the agent, and for a choice of a tool that is not offered. `path` names the tool of that index.
 */
export function checkCallerTools(
  { tools, choice }: CallerTools,
  ofAgent: readonly string[],
  path: (index: number) => string,
): void {
  if (tools.length > MAX_TOOLS) throw invalidField('tools', `must be at most ${MAX_TOOLS} for an agent`);
  if (Buffer.byteLength(JSON.stringify(tools)) > MAX_BYTES)
    throw invalidField('tools', `must have at most ${MAX_BYTES} bytes as JSON, all of them together`);
  const names = new Set<string>();
  for (const [index, { name, inputSchema }] of tools.entries()) {
    if (ofAgent.includes(name))
      throw invalidField(path(index), `the agent has a tool ${name} of its own; give yours another name`);
    if (names.has(name)) throw invalidField(path(index), `there are two tools of the name ${name}`);
    names.add(name);
    if (isDeeper(inputSchema, MAX_DEPTH))
      throw invalidField(path(index), `the schema of ${name} must be at most ${MAX_DEPTH} levels deep`);
  }
  if (typeof choice === 'object' && !names.has(choice.tool))
    throw invalidField('tool_choice', `${choice.tool} is none of the tools offered`);
  if (choice === 'required' && names.size === 0 && ofAgent.length === 0)
    throw invalidField('tool_choice', 'there is no tool to be called');
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1));
}

/** The id under which a caller is given a call: nobody can guess it, and it tells the run and the step. */
export function callerCallId(runId: string, step: number): string {
  return `call_${Buffer.from(runId.replaceAll('-', ''), 'hex').toString('base64url')}_${step}`;
}

/** The run and the step of a call by the id that its caller was given; undefined for an id that we gave to nobody. */
export function readCallerCallId(id: string): { readonly runId: string; readonly step: number } | undefined {
  const found = /^call_([\w-]{22})_([1-9]\d{0,8})$/.exec(id);
  if (found === null) return undefined;
  const hex = Buffer.from(found[1]!, 'base64url').toString('hex');
  const runId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  const step = Number(found[2]);
  return callerCallId(runId, step) === id ? { runId, step } : undefined;
}

/** What is refused while a run waits for its caller. */
export function waitsForCaller(runId: string): ReeveError {
  return new ReeveError(
    'conflict',
    `run ${runId} waits for the results of tools that it called: send those, cancel the run, or say multitask: interrupt`,
    { runId },
  );
}
