import type { ComponentHealth } from '@reeve/contract';
import type { CallLedger, Price } from '@reeve/ledger';
import type { Rest } from './backend.ts';
import type { ChatCall, ChatPart } from './chat.ts';

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
  | {
      readonly role: 'assistant';
      readonly text: string;
      readonly toolCalls: readonly ModelToolCall[];
      /** What the provider wants back with it, such as the signature of its reasoning; see `finish`. */
      readonly providerData?: unknown;
    }
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
  /** Unset: `auto`. */
  readonly toolChoice?: 'auto' | 'none' | 'required' | { readonly tool: string };
  readonly maxOutputTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly stop?: readonly string[];
  readonly seed?: number;
  /** JSON as an answer: of that JSON Schema, where there is one. */
  readonly json?: { readonly name?: string; readonly schema?: Record<string, unknown> };
}

/** `inputTokens` includes the cached ones, `outputTokens` the reasoning. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
  readonly reasoningTokens: number;
  /** Nobody counted: it was estimated from the text. */
  readonly estimated: boolean;
}

export type FinishReason = 'stop' | 'tool_calls' | 'length' | 'content_filter' | 'other';

export type ModelPart =
  | { readonly type: 'thinking'; readonly delta: string }
  | { readonly type: 'text'; readonly delta: string }
  | { readonly type: 'tool_call'; readonly call: ModelToolCall }
  | {
      readonly type: 'finish';
      readonly reason: FinishReason;
      readonly usage: TokenUsage;
      /** The provider that answered, which a fallback changes, and its model. */
      readonly provider: string;
      readonly model: string;
      /** In billionths of a US dollar; null where the price is not known. */
      readonly costNano: number | null;
      /** JSON to be given back with this answer in the same conversation. */
      readonly providerData?: unknown;
      /** Of a relayed answer; see `chat`. */
      readonly rest?: Rest;
    };

/** A model that can be asked for, by the name that `model` of a request takes. */
export interface ModelInfo {
  readonly id: string;
  readonly provider: string;
  /** Tokens that input and output may have together. */
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
  readonly price: Price | null;
}

/**
 * Where model calls go. A stream ends with exactly one `finish`, or throws a ReeveError: `provider_key_refused`,
 * `provider_overloaded`, `rate_limited` (both with `retryAfterMs` where the provider said it), `context_too_long`,
 * `content_refused`, `malformed_answer`, `invalid_request` (no such model, or a request that the provider refuses),
 * `circuit_open`, `timeout`, `upstream_error` (whatever else the provider failed at), `budget_exhausted` (the ledger refused),
 * `cancelled` (the signal was aborted).
 */
export interface ModelGateway {
  readonly provider: string;
  readonly defaultModel: string;
  /** With a ledger every attempt is recorded there before it is sent, and settled however it ends. */
  stream(request: ModelRequest, signal: AbortSignal, ledger?: CallLedger): AsyncIterable<ModelPart>;
  /**
   * The same for a caller who speaks OpenAI's Chat Completions. Where the provider speaks them too, the caller's own words
   * are handed on and the answer comes as relayed parts, the last of it with `finish`; else it comes as from `stream`.
   */
  chat(call: ChatCall, signal: AbortSignal, ledger?: CallLedger): AsyncIterable<ChatPart>;
  /** What is known of a model; the usual limits and no price where nothing is. Null: the default model. Never throws. */
  describe(model: string | null): ModelInfo;
  /** The models that are known by name and whose provider is configured, the default one first. */
  list(): ModelInfo[];
  /** Tokens that a request will send, estimated. */
  countTokens(request: ModelRequest): number;
  /** What the latest call said of the provider; asks nobody. */
  health(): ComponentHealth;
}
