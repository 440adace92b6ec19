import type {
  ChatCompletion,
  ChatCompletionChunk,
  CompletionFinish,
  CompletionUsage,
  RunEvent,
  Usage,
} from '@reeve/contract';
import { ReeveError } from '@reeve/kit';
import type { FinishReason, ModelPart, TokenUsage } from '@reeve/models';
import { runFailure } from './run-failure.ts';
import { turnOf } from './turn.ts';

type Delta = ChatCompletionChunk['choices'][number]['delta'];
type ToolCalls = NonNullable<Delta['tool_calls']>;

/** Fields common to all chunks of an answer. */
export interface Head {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

/**
 * A turn of a run as the chunks of a chat completion: what it says and thinks, and the calls that are the caller’s to make, not
 * those that it makes itself. Throws the run’s error where it failed, and `shutting_down` where the events stop before the end.
 */
export async function* chunksOfRun(
  runId: string,
  events: AsyncIterable<RunEvent>,
  withUsage: boolean,
  after = 0,
): AsyncGenerator<ChatCompletionChunk, void> {
  let head: Head | undefined;
  let end: Extract<RunEvent, { type: 'result' }> | undefined;
  let failure: Extract<RunEvent, { type: 'error' }> | undefined;
  const spoken = createSpoken(runId);
  for await (const event of turnOf(events, after)) {
    if (event.type === 'session_start' && head === undefined) {
      head = headOfRun(runId, after, event.agent, event.timestamp);
      yield chunk(head, { role: 'assistant', content: '' }, null, withUsage);
    }
    if (event.type === 'thinking' && head !== undefined)
      yield chunk(head, { reasoning_content: event.delta }, null, withUsage);
    if (event.type === 'calls') {
      if (head === undefined) break;
      const tool_calls = event.calls.map(callOf);
      yield chunk(head, { tool_calls }, null, withUsage);
      yield chunk(head, {}, 'tool_calls', withUsage);
      if (withUsage) yield usageChunk(head, usageOfRun(event.usage));
      return;
    }
    const content = spoken.take(event);
    if (content !== '' && head !== undefined) yield chunk(head, { content }, null, withUsage);
    if (event.type === 'error') failure = event;
    if (event.type === 'result') end = event;
  }
  if (end === undefined || head === undefined) throw runFailure(runId, undefined);
  if (end.status !== 'completed') throw runFailure(runId, failure);
  yield chunk(head, {}, 'stop', withUsage);
  if (withUsage) yield usageChunk(head, usageOfRun(end.usage));
}

/** A turn of a run as a chat completion. Throws the run’s error where it failed, and what the events throw. */
export async function completionOfRun(
  runId: string,
  agent: string,
  events: AsyncIterable<RunEvent>,
  after: number,
): Promise<ChatCompletion> {
  let failure: Extract<RunEvent, { type: 'error' }> | undefined;
  for await (const event of turnOf(events, after)) {
    if (event.type === 'error') failure = event;
    if (event.type === 'calls') {
      const head = headOfRun(runId, after, agent, event.startedAt);
      return completion(head, event.text, '', event.calls.map(callOf), 'tool_calls', usageOfRun(event.usage));
    }
    if (event.type !== 'result') continue;
    if (event.status !== 'completed') throw runFailure(runId, failure);
    const startedAt = new Date(Date.parse(event.timestamp) - event.duration_ms).toISOString();
    const head = headOfRun(runId, after, agent, startedAt);
    return completion(head, event.result ?? '', '', [], 'stop', usageOfRun(event.usage));
  }
  throw runFailure(runId, undefined);
}

/** A model’s answer as chunks. */
export async function* chunksOfModel(
  head: Head,
  parts: AsyncIterable<ModelPart>,
  withUsage: boolean,
): AsyncGenerator<ChatCompletionChunk, void> {
  let calls = 0;
  yield chunk(head, { role: 'assistant', content: '' }, null, withUsage);
  for await (const part of parts) {
    if (part.type === 'thinking') yield chunk(head, { reasoning_content: part.delta }, null, withUsage);
    if (part.type === 'text') yield chunk(head, { content: part.delta }, null, withUsage);
    if (part.type === 'tool_call') yield chunk(head, { tool_calls: [callOf(part.call, calls++)] }, null, withUsage);
    if (part.type !== 'finish') continue;
    yield chunk(head, {}, finishOf(part.reason, calls), withUsage);
    if (withUsage) yield usageOfAnswer(head, part.usage);
  }
}

/** The last chunk, for callers who request usage. */
export function usageOfAnswer(head: Head, usage: TokenUsage): ChatCompletionChunk {
  return usageChunk(head, usageOfModel(usage));
}

/** A model’s answer as a whole. */
export async function completionOfModel(head: Head, parts: AsyncIterable<ModelPart>): Promise<ChatCompletion> {
  const calls: ToolCalls = [];
  let text = '';
  let reasoning = '';
  for await (const part of parts) {
    if (part.type === 'thinking') reasoning += part.delta;
    if (part.type === 'text') text += part.delta;
    if (part.type === 'tool_call') calls.push(callOf(part.call, calls.length));
    if (part.type === 'finish')
      return completion(head, text, reasoning, calls, finishOf(part.reason, calls.length), usageOfModel(part.usage));
  }
  throw new ReeveError('upstream_error', 'the model’s answer broke off');
}

/**
 * The text of a run, with an empty line between steps. A step repeated after a crash streams again, so only the text
 * beyond what the reader has is sent. Throws if the repeated text differs, since this protocol cannot retract text.
 */
function createSpoken(runId: string) {
  let step = 0;
  let said = '';
  let read = '';
  let any = false;
  return {
    take(event: RunEvent): string {
      if (event.type === 'system' && event.discard_step === step) said = '';
      if (event.type === 'usage' && event.step === step && said !== read) throw saidOtherwise(runId);
      if (event.type !== 'text') return '';
      const between = any && event.step !== step ? '\n\n' : '';
      if (event.step !== step) [step, said, read] = [event.step, '', ''];
      any = true;
      said += event.delta;
      if (read.startsWith(said)) return '';
      if (!said.startsWith(read)) throw saidOtherwise(runId);
      const fresh = said.slice(read.length);
      read = said;
      return between + fresh;
    },
  };
}

function saidOtherwise(runId: string): ReeveError {
  return new ReeveError(
    'unavailable',
    `the run was interrupted and now answers differently from what you have read; it goes on, read it at /api/v1/runs/${runId}`,
    { runId },
  );
}

function headOfRun(runId: string, after: number, agent: string, startedAt: string): Head {
  const id = `chatcmpl-${runId.replaceAll('-', '')}${after > 0 ? `-${after}` : ''}`;
  return { id, created: Math.floor(Date.parse(startedAt) / 1000), model: `agent/${agent}` };
}

function chunk(head: Head, delta: Delta, finish: CompletionFinish | null, withUsage: boolean): ChatCompletionChunk {
  return {
    ...head,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    ...(withUsage && { usage: null }),
  };
}

function usageChunk(head: Head, usage: CompletionUsage): ChatCompletionChunk {
  return { ...head, object: 'chat.completion.chunk', choices: [], usage };
}

function completion(
  head: Head,
  text: string,
  reasoning: string,
  calls: ToolCalls,
  finish_reason: CompletionFinish,
  usage: CompletionUsage,
): ChatCompletion {
  const message = {
    role: 'assistant' as const,
    content: text === '' && calls.length > 0 ? null : text,
    refusal: null,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: calls.map(({ index: _, ...call }) => call) }),
  };
  return { ...head, object: 'chat.completion', choices: [{ index: 0, message, logprobs: null, finish_reason }], usage };
}

function callOf(call: { id: string; name: string; input: unknown }, index: number): ToolCalls[number] {
  const { id, name, input } = call;
  const text = typeof input === 'string' ? input : JSON.stringify(input ?? {});
  return { index, id, type: 'function', function: { name, arguments: text } };
}

function finishOf(reason: FinishReason, calls: number): CompletionFinish {
  if (reason === 'other') return calls > 0 ? 'tool_calls' : 'stop';
  return reason;
}

function usageOfRun(usage: Usage): CompletionUsage {
  return usageOf(usage.input_tokens, usage.output_tokens, usage.cached_tokens ?? 0, usage.reasoning_tokens ?? 0);
}

function usageOfModel(usage: TokenUsage): CompletionUsage {
  return usageOf(usage.inputTokens, usage.outputTokens, usage.cachedTokens, usage.reasoningTokens);
}

function usageOf(prompt: number, answer: number, cached_tokens: number, reasoning_tokens: number): CompletionUsage {
  return {
    prompt_tokens: prompt,
    completion_tokens: answer,
    total_tokens: prompt + answer,
    prompt_tokens_details: { cached_tokens },
    completion_tokens_details: { reasoning_tokens },
  };
}
