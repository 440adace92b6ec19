import type { CallUsage } from '@reeve/ledger';
import type { ChatCall, ModelRequest, TokenUsage } from './model.ts';

/** Estimates the tokens of a text: four characters a token, rounded up. */
export function estimateTokens(characters: number): number {
  return Math.ceil(characters / 4);
}

/** Estimates a call's usage from the characters of request and answer. */
export function estimateUsage(request: ModelRequest, outputCharacters: number): TokenUsage {
  return {
    inputTokens: countTokens(request),
    outputTokens: estimateTokens(outputCharacters),
    cachedTokens: 0,
    reasoningTokens: 0,
    estimated: true,
  };
}

/** The usage in the ledger's form. */
export function callUsage(usage: TokenUsage): CallUsage {
  return {
    input: usage.inputTokens,
    output: usage.outputTokens,
    cached: usage.cachedTokens,
    reasoning: usage.reasoningTokens,
  };
}

/** Estimates the input tokens of a request. */
export function countTokens(request: ModelRequest): number {
  let images = 0;
  for (const message of request.messages) if (message.role === 'user') images += message.images?.length ?? 0;
  return estimateTokens(requestCharacters(request)) + images * IMAGE_TOKENS;
}

/** Tokens that most providers count for a large image. */
const IMAGE_TOKENS = 1_500;

/** Estimates the input tokens of a request or of its chat completion, which can hold images by their address. */
export function chatTokens(request: ModelRequest, chat: Pick<ChatCall, 'linkedImages'> | undefined): number {
  return countTokens(request) + (chat?.linkedImages.length ?? 0) * IMAGE_TOKENS;
}

function requestCharacters(request: ModelRequest): number {
  let count = request.system.length;
  for (const item of request.context) count += item.text.length + item.source.length;
  for (const tool of request.tools) count += tool.name.length + tool.description.length + jsonLength(tool.inputSchema);
  for (const message of request.messages) {
    if (message.role === 'tool') count += message.name.length + jsonLength(message.output);
    else count += message.text.length;
    if (message.role === 'assistant')
      for (const call of message.toolCalls) count += call.name.length + jsonLength(call.input);
  }
  if (request.json?.schema !== undefined) count += jsonLength(request.json.schema);
  return count;
}

function jsonLength(value: unknown): number {
  if (typeof value === 'string') return value.length;
  return (JSON.stringify(value) ?? '').length;
}
