import type { ComponentHealth } from '@reeve/contract';

/** A tool as a model is told of it; `inputSchema` is JSON Schema. */
export interface ToolDefinition {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Record<string, unknown>;
}

/** A model's wish to call a tool. `id` is unique within the conversation. */
export interface ModelToolCall {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
}

export type ModelMessage =
  | { readonly role: 'user'; readonly text: string }
  | { readonly role: 'assistant'; readonly text: string; readonly toolCalls: readonly ModelToolCall[] }
  | {
      readonly role: 'tool';
      readonly toolCallId: string;
      readonly name: string;
      readonly output: unknown;
      readonly isError: boolean;
    };

/** Something retrieved for this request: data for the model, never instructions. */
export interface ContextItem {
  readonly text: string;
  readonly source: string;
}

/** Everything a model call depends on. `model` null means the gateway's default. */
export interface ModelRequest {
  readonly model: string | null;
  readonly system: string;
  readonly context: readonly ContextItem[];
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ToolDefinition[];
  readonly maxOutputTokens?: number;
}

export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export type FinishReason = 'stop' | 'tool_calls' | 'length' | 'content_filter' | 'other';

export type ModelPart =
  | { readonly type: 'thinking'; readonly delta: string }
  | { readonly type: 'text'; readonly delta: string }
  | { readonly type: 'tool_call'; readonly call: ModelToolCall }
  | { readonly type: 'finish'; readonly reason: FinishReason; readonly usage: TokenUsage; readonly model: string };

/**
 * Where model calls go. A stream ends with exactly one `finish`, or throws a ReeveError: `upstream_error`
 * (the provider failed or refused the key), `invalid_request` (no such model, or a request that the provider
 * refuses), `rate_limited`, `timeout`, `cancelled` (the signal was aborted).
 */
export interface ModelGateway {
  readonly provider: string;
  readonly defaultModel: string;
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelPart>;
  /** What the latest call said of the provider; asks nobody. */
  health(): ComponentHealth;
}

/** A gateway before it is observed: it need not tell its health. */
export type ModelSource = Omit<ModelGateway, 'health'>;
