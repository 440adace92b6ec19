import { InvalidResponseDataError, type LanguageModelV4StreamPart } from '@ai-sdk/provider';
import type { AnswerPart, BackendRequest } from '../backend.ts';
import type { FinishReason, TokenUsage } from '../model.ts';
import { collectProviderData } from './provider-data.ts';
import type { Target } from '../targets.ts';
import { estimateUsage } from '../tokens.ts';

type SdkFinish = Extract<LanguageModelV4StreamPart, { type: 'finish' }>;

/**
 * Converts the AI SDK's stream into answer parts. Calls `onBlock` when the model starts or stops writing text or a
 * tool call. Throws the error that the provider reports in the stream, and where the stream ends without a finish.
 */
export async function* convertStream(
  stream: AsyncIterable<LanguageModelV4StreamPart>,
  target: Target,
  { request, onOutput }: BackendRequest,
  onBlock: (writing: boolean) => void,
): AsyncGenerator<AnswerPart> {
  const providerData = collectProviderData(target);
  let outputCharacters = 0;
  let toolCalls = 0;
  let finish: SdkFinish | undefined;
  const write = (characters: number) => {
    outputCharacters += characters;
    onOutput(characters);
  };
  for await (const part of stream) {
    providerData.add(part);
    switch (part.type) {
      case 'text-start':
        onBlock(true);
        break;
      case 'tool-input-start':
        onBlock(true);
        write(part.toolName.length);
        break;
      case 'tool-input-delta':
        write(part.delta.length);
        break;
      case 'text-end':
      case 'tool-input-end':
      case 'reasoning-start':
        onBlock(false);
        break;
      case 'text-delta':
      case 'reasoning-delta':
        if (part.delta === '') break;
        write(part.delta.length);
        yield { type: part.type === 'text-delta' ? 'text' : 'thinking', delta: part.delta };
        break;
      case 'tool-call':
        // The provider executes this call itself.
        if (part.providerExecuted === true) break;
        toolCalls += 1;
        yield { type: 'tool_call', call: { id: part.toolCallId, name: part.toolName, input: parseInput(part.input) } };
        break;
      case 'error':
        throw part.error;
      case 'finish':
        finish = part;
        break;
      default:
        // Pings, sources, files and the like have no counterpart in our stream.
        break;
    }
  }
  const unified = finish?.finishReason.unified;
  if (finish === undefined || unified === 'error' || unified === 'interrupted')
    throw new InvalidResponseDataError({ data: undefined, message: 'the answer ended before it was finished' });
  const back = providerData.result();
  yield {
    type: 'finish',
    reason: finishReason(unified, toolCalls),
    usage: usageOf(finish.usage, estimateUsage(request, outputCharacters)),
    ...(back !== undefined && { providerData: back }),
  };
}

/** Parses a tool call's input; text that is not JSON stays text, so that the tool's validation reports the problem. */
function parseInput(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function finishReason(unified: string | undefined, toolCalls: number): FinishReason {
  if (unified === 'length') return 'length';
  if (unified === 'content-filter') return 'content_filter';
  // Some servers report `stop` for an answer with tool calls.
  if (toolCalls > 0) return 'tool_calls';
  // And others `tool_calls` for one without.
  return unified === 'stop' || unified === 'tool-calls' ? 'stop' : 'other';
}

function usageOf({ inputTokens, outputTokens }: SdkFinish['usage'], estimate: TokenUsage): TokenUsage {
  return {
    inputTokens: inputTokens.total ?? estimate.inputTokens,
    outputTokens: outputTokens.total ?? estimate.outputTokens,
    cachedTokens: inputTokens.cacheRead ?? 0,
    reasoningTokens: outputTokens.reasoning ?? 0,
    estimated: inputTokens.total === undefined || outputTokens.total === undefined,
  };
}
