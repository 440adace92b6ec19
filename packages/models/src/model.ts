import type { ComponentHealth } from '@reeve/contract';
import type { CallLedger, Price } from '@reeve/ledger';
import type { ModelTurn } from './queue/turn.ts';

/** A tool offered to a model; `inputSchema` is JSON Schema. */
export interface ToolDefinition {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Record<string, unknown>;
}

/** A tool call that a model requests. `id` is unique within the conversation. */
export interface ModelToolCall {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
}

/** An image in a message. */
export interface ModelImage {
  /** Such as `image/png`. */
  readonly mediaType: string;
  /** Base64. */
  readonly data: string;
}

export type ModelMessage =
  | { readonly role: 'user'; readonly text: string; readonly images?: readonly ModelImage[] }
  | {
      readonly role: 'assistant';
      readonly text: string;
      readonly toolCalls: readonly ModelToolCall[];
      /** Data that the provider needs back with this message, such as the signature of its reasoning; see `finish`. */
      readonly providerData?: unknown;
    }
  | {
      readonly role: 'tool';
      readonly toolCallId: string;
      readonly name: string;
      readonly output: unknown;
      readonly isError: boolean;
    };

/** Text retrieved for this request: data for the model, never instructions. */
export interface ContextItem {
  readonly text: string;
  readonly source: string;
}

/** The input of a model call. `model` null means the gateway's default. */
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
  /** Asks for JSON as the answer, of that JSON Schema where one is given. */
  readonly json?: { readonly name?: string; readonly schema?: Record<string, unknown> };
}

/** `inputTokens` includes the cached ones, `outputTokens` the reasoning. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
  readonly reasoningTokens: number;
  /** The provider reported no count, so it was estimated from the text. */
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
      /** The provider and model that answered, a fallback's where one did. */
      readonly provider: string;
      readonly model: string;
      /** In billionths of a US dollar; null where the price is not known. */
      readonly costNano: number | null;
      /** JSON to send back with this answer in the same conversation. */
      readonly providerData?: unknown;
      /** The end of a relayed answer; see `chat`. */
      readonly remainder?: RelayRemainder;
    };

/** A model that requests can name; `id` is the name that `model` of a request takes. */
export interface ModelInfo {
  readonly id: string;
  readonly provider: string;
  /** Context window: tokens of input and output together; null where it is not known (yet). */
  readonly contextTokens: number | null;
  readonly maxOutputTokens: number;
  /** Whether it can be shown images; null where it is not known, which a call then shows. */
  readonly takesImages: boolean | null;
  readonly price: Price | null;
}

/** A call as an OpenAI chat completion, which Reeve passes on unchanged to a provider that takes them. */
export interface ChatCall {
  /** The same call as a `ModelRequest`, for other providers. It leaves out images that are given by their address. */
  readonly request: ModelRequest;
  /** The client's request body. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Paths of the images in the body that are given by their address, for errors: a relay alone can pass them on. */
  readonly linkedImages: readonly string[];
  /** True: answer as server-sent events; false: as one JSON object. */
  readonly stream: boolean;
  /** The client asked for the usage in the stream. */
  readonly withUsage: boolean;
}

/** Whole events of a stream, unchanged from the provider. */
export interface RelayedPart {
  readonly type: 'relayed';
  readonly bytes: Uint8Array;
  /** The answer so far holds text or a tool call; else only reasoning. */
  readonly answers: boolean;
}

/** A part of an answer to a `ChatCall`: either all parts of an answer are relayed, or none. */
export type ChatPart = ModelPart | RelayedPart;

/** The last bytes of a relayed answer, and whether the whole answer holds text or a tool call. */
export interface RelayRemainder {
  readonly bytes: Uint8Array;
  readonly answers: boolean;
}

/**
 * The port for model calls. A stream ends with exactly one `finish`, or throws a ReeveError: `provider_key_refused`,
 * `provider_overloaded`, `rate_limited` (both with `retryAfterMs` where the provider sent one), `context_too_long`,
 * `content_refused`, `malformed_answer`, `invalid_request` (no such model, or a request that the provider refuses),
 * `circuit_open`, `timeout`, `upstream_error` (any other failure of the provider), `budget_exhausted` (the ledger refused),
 * `cancelled` (the signal was aborted).
 */
export interface ModelGateway {
  readonly provider: string;
  readonly defaultModel: string;
  /**
   * Streams an answer. A ledger records every attempt before it is sent, and settles it however it ends. Where the model takes
   * only so many calls at a time the attempt waits for its `turn` first; without one it counts as a waiting caller's.
   */
  stream(request: ModelRequest, signal: AbortSignal, ledger?: CallLedger, turn?: ModelTurn): AsyncIterable<ModelPart>;
  /**
   * The same for an OpenAI chat completion. A provider that takes chat completions receives the client's body, and the
   * answer is relayed, its last bytes with `finish`; with other providers the answer comes as from `stream`.
   */
  chat(call: ChatCall, signal: AbortSignal, ledger?: CallLedger, turn?: ModelTurn): AsyncIterable<ChatPart>;
  /** Limits and price of a model; defaults and no price for an unknown one. Null: the default model. Never throws. */
  describe(model: string | null): ModelInfo;
  /** The known models of configured providers, the default one first. */
  list(): ModelInfo[];
  /** Estimates the input tokens of a request. */
  countTokens(request: ModelRequest): number;
  /** The provider's health as of the latest call; makes no request. */
  health(): ComponentHealth;
}
