import { JsonObject } from '@reeve/contract';
import type { Breaker } from '@reeve/kit';
import type { ReadOnlyDirectory, Sandbox } from '@reeve/sandbox';
import type { Tool, ToolContext, ToolResult } from '@reeve/tools';
import { ask, MAX_ANSWER_BYTES, type Asked } from './ask.ts';
import type { ExtensionFile, ToolText } from './extension.ts';

/** Time for a process to be started and to end, beside the tool's own. */
const AROUND_MS = 15_000;

/** What extensions run in; `place` where that is another process. */
export interface ExtensionSandbox extends Pick<Sandbox, 'exec' | 'unavailable' | 'whenProbed'> {
  readonly place?: NonNullable<Tool['place']>;
}

/** Where an extension runs, and which one. */
export interface Place {
  readonly sandbox: ExtensionSandbox;
  readonly directory: string;
  readonly file: ExtensionFile;
  readonly breaker: Breaker;
}

/** A tool as agents are offered it: each call is a process in the sandbox, which checks the input itself. */
export function toTool(place: Place, told: ToolText): Tool {
  return {
    ...told,
    source: `extension:${told.name}`,
    input: JsonObject,
    breaker: place.breaker,
    ...(place.sandbox.place && { place: place.sandbox.place }),
    timeoutMs: told.timeoutMs + AROUND_MS,
    unavailable: () => place.sandbox.unavailable('node'),
    execute: (input, context) => call(place, told, input, context),
  };
}

/** What stands for a tool that could not be loaded: it says why, and does nothing. */
export function toBrokenTool({ sandbox, file: { name }, breaker }: Omit<Place, 'directory'>, reason: string): Tool {
  return {
    name,
    description: '',
    effect: 'external',
    source: `extension:${name}`,
    input: JsonObject,
    breaker,
    timeoutMs: AROUND_MS,
    unavailable: () => sandbox.unavailable('node') ?? reason,
    execute: () => Promise.reject(new Error(`${name} was called although it is not available`)),
  };
}

async function call(
  { sandbox, directory, file: { file } }: Place,
  { name, timeoutMs }: ToolText,
  input: unknown,
  context: ToolContext,
): Promise<ToolResult> {
  const { sessionId, runId, idempotencyKey, workspace, quota, egressOf, signal } = context;
  const readOnly: readonly ReadOnlyDirectory[] = context.readOnly ?? [];
  const asked = await ask({
    sandbox,
    directory,
    file,
    call: { input, context: { sessionId, runId, idempotencyKey } },
    workspace,
    readOnly,
    limits: await quota.allowance(workspace, signal),
    egress: await egressOf(name),
    timeoutMs,
    signal,
  });
  return resultOf(name, asked);
}

/** What the extension throws or refuses is for the model to read; that it was killed, or ended without an answer, is its fault. */
function resultOf(name: string, { ended, answer }: Asked): ToolResult {
  const { stdout, stderr, exitCode, truncated } = ended;
  const output = { stdout, stderr, exitCode, truncated };
  const failed = (error: string) => ({ ...output, status: 'error' as const, result: { error } });
  if (ended.status !== 'success' && ended.exceeded !== undefined)
    return { ...failed(`${name}: ${ended.message}`), status: ended.status, isFault: true };
  if (answer === undefined) {
    const how = ended.status === 'success' ? 'it ended' : ended.message;
    const why =
      ended.answer === undefined
        ? `its result was larger than ${MAX_ANSWER_BYTES} bytes`
        : `${how} before it had given a result`;
    return { ...failed(`${name}: ${why}`), isFault: true };
  }
  if (answer.kind === 'result') return { ...output, status: 'success', result: answer.value };
  if (answer.kind === 'wrong') return failed(`wrong arguments for ${name}: ${answer.issues.join('; ')}`);
  return failed(answer.kind === 'failed' ? answer.message : `${name}: it answered something else`);
}
