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
  return estimateTokens(requestCharacters(request));
}

/** Tokens that most providers count for a large picture. */
const PICTURE_TOKENS = 1_500;

/** Estimates the input tokens of a request or of its chat completion, which can hold pictures. */
export function chatTokens(request: ModelRequest, chat: Pick<ChatCall, 'pictures'> | undefined): number {
  return countTokens(request) + (chat?.pictures.length ?? 0) * PICTURE_TOKENS;
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
