import { REASONS, type ResponseEvent, type ResponseUsage, type RunEvent, type Usage } from '@reeve/contract';
import { failureTold } from '@reeve/http';
import type { Log } from '@reeve/kit';
import type { ModelMessage, ModelPart, ModelToolCall, TokenUsage } from '@reeve/models';
import { createResponseWriter, type ResponseBase } from './response-writer.ts';
import { turnOf } from './turn.ts';

/**
 * A turn of a run as the events of a response, numbered from 0: the same log gives the same events, whoever reads it and when. They
 * end without a last event where the log does before the turn has.
 */
export async function* eventsOfRun(
  base: ResponseBase,
  events: AsyncIterable<RunEvent>,
  after = 0,
): AsyncGenerator<ResponseEvent, void> {
  const writer = createResponseWriter(base);
  let begun = false;
  let end: Extract<RunEvent, { type: 'result' }> | undefined;
  let failure: Extract<RunEvent, { type: 'error' }> | undefined;
  for await (const event of turnOf(events, after)) {
    if (!begun) yield* writer.begin();
    begun = true;
    if (event.type === 'calls') {
      for (const { id, name, input } of event.calls)
        yield* writer.functionCall({ key: id, name, arguments: textOfInput(input) });
      yield* writer.end({ status: 'completed', usage: usageOfRun(event.usage) });
      return;
    }
    if (event.type === 'system' && event.discard_step !== undefined) yield* writer.discard(event.discard_step);
    if (event.type === 'thinking') yield* writer.reasoning(event.delta, event.step);
    if (event.type === 'text') yield* writer.text(event.delta, event.step);
    if (event.type === 'tool_call' && event.for_caller !== true)
      yield* writer.callBegins(
        { key: String(event.step), name: event.name, arguments: textOfInput(event.input) },
        event.step,
      );
    if (event.type === 'tool_result')
      yield* writer.callEnds(String(event.step), event.status !== 'success', event.output);
    if (event.type === 'approval_required')
      yield* writer.approvalAsked(event.approval_id, event.name, textOfInput(event.input), event.step);
    if (event.type === 'error') failure = event;
    // A run that is tried again goes on after its end.
    if (event.type === 'result') end = event;
  }
  if (end === undefined) return;
  const { status, usage } = end;
  const error = status === 'failed' && failure !== undefined ? errorOf(failure.code, failure.message) : null;
  yield* writer.end({ status, usage: usageOfRun(usage), error });
}

/** A model’s complete answer for storage: the messages and the final response. */
export type Keep = (said: readonly ModelMessage[], ended: Extract<ResponseEvent, object>) => Promise<void>;

/** A model’s answer as response events. `keep` runs before the final event is sent; its failure becomes the final event. */
export async function* eventsOfModel(
  base: ResponseBase,
  parts: AsyncIterable<ModelPart>,
  keep: Keep,
  log: Log,
): AsyncGenerator<ResponseEvent, void> {
  const writer = createResponseWriter(base);
  const toolCalls: ModelToolCall[] = [];
  let text = '';
  yield* writer.begin();
  try {
    for await (const part of parts) {
      if (part.type === 'thinking') yield* writer.reasoning(part.delta);
      if (part.type === 'text') {
        text += part.delta;
        yield* writer.text(part.delta);
      }
      if (part.type === 'tool_call') {
        const { id, name, input } = part.call;
        toolCalls.push(part.call);
        yield* writer.functionCall({ key: id, name, arguments: textOfInput(input) });
      }
      if (part.type !== 'finish') continue;
      const { providerData, reason: finish } = part;
      const reason = finish === 'length' ? 'max_output_tokens' : finish === 'content_filter' ? finish : undefined;
      const usage = usageOfModel(part.usage);
      const ended = writer.end(
        reason === undefined ? { status: 'completed', usage } : { status: 'incomplete', usage, reason },
      );
      await keep(
        [{ role: 'assistant', text, toolCalls, ...(providerData !== undefined && { providerData }) }],
        ended.at(-1)!,
      );
      yield* ended;
      return;
    }
  } catch (thrown) {
    const { code, error } = failureTold(thrown);
    if (code === 'internal') log.error({ err: thrown }, 'a response failed');
    yield* writer.end({ status: 'failed', usage: null, error: errorOf(code, error) });
  }
}

/** Maps our error reasons to OpenAI’s few codes; others keep our reason. */
function errorOf(code: string, message: string): { code: string; message: string } {
  if (code === 'rate_limited') return { code: 'rate_limit_exceeded', message };
  const known = code in REASONS && code !== 'internal';
  return { code: known ? code : 'server_error', message };
}

function textOfInput(input: unknown): string {
  return typeof input === 'string' ? input : JSON.stringify(input ?? {});
}

function usageOfRun(usage: Usage): ResponseUsage {
  return usageOf(usage.input_tokens, usage.output_tokens, usage.cached_tokens ?? 0, usage.reasoning_tokens ?? 0);
}

function usageOfModel(usage: TokenUsage): ResponseUsage {
  return usageOf(usage.inputTokens, usage.outputTokens, usage.cachedTokens, usage.reasoningTokens);
}

function usageOf(input_tokens: number, output_tokens: number, cached_tokens: number, reasoning_tokens: number) {
  return {
    input_tokens,
    input_tokens_details: { cached_tokens },
    output_tokens,
    output_tokens_details: { reasoning_tokens },
    total_tokens: input_tokens + output_tokens,
  };
}
