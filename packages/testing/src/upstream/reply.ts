/** Which provider's wire protocol a request spoke. */
export type UpstreamProtocol = 'chat-completions' | 'responses' | 'anthropic' | 'gemini' | 'ollama' | 'embeddings';

/**
 * What goes wrong with a reply. `http-NNN`: an error answer of that status. In mid-stream, after half of the
 * reply: `cut` destroys the connection, `malformed` sends a chunk that is not JSON, `error` sends the
 * protocol's own error chunk, `hang` falls silent. `silent`: not even headers are sent. `slow-start`: headers and
 * comments are sent, but no answer. `end-early`: the stream ends properly but before the chunks that finish it.
 * An answer that is no stream is two chunks, and what is left of it then is no JSON.
 */
export type UpstreamFault =
  | `http-${number}`
  | 'cut'
  | 'malformed'
  | 'error'
  | 'hang'
  | 'silent'
  | 'slow-start'
  | 'end-early';

export interface UpstreamUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Part of the input; unset: none. */
  readonly cachedTokens?: number;
  /** Part of the output; unset: none. Anthropic does not say it. */
  readonly reasoningTokens?: number;
}

/** One scripted answer of the fake upstream, the same for every protocol. */
export interface UpstreamReply {
  /** Text deltas. */
  readonly text?: readonly string[];
  /** Reasoning deltas; only where the protocol carries them (not `responses`). */
  readonly thinking?: readonly string[];
  /**
   * What the provider wants back with the answer: the signature of Anthropic's thinking, Gemini's thought signature
   * (of its first tool call, else of its text), OpenAI's encrypted reasoning; a compatible server's thought signature.
   */
  readonly signature?: string;
  readonly toolCalls?: readonly { readonly name: string; readonly input: unknown }[];
  /** Why it ended; `tool_calls` by itself where there are tool calls, else `stop`. */
  readonly finish?: 'stop' | 'length' | 'content_filter';
  /** Of an answer to a request for embeddings; unset: one of three numbers for each text. */
  readonly vectors?: readonly (readonly number[])[];
  /** `null` sends none. */
  readonly usage?: UpstreamUsage | null;
  readonly fault?: UpstreamFault;
  /** HTTP status of an error answer; the same as `fault: 'http-NNN'`. */
  readonly status?: number;
  /** The provider's own words in an error. */
  readonly message?: string;
  /** The provider's own error code in an error, also in mid-stream, such as `insufficient_quota`; Anthropic's and Gemini's type. */
  readonly code?: string;
  /** What Gemini's error body adds, such as its RetryInfo. */
  readonly details?: readonly unknown[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Waited before the first byte, in milliseconds. */
  readonly delayMs?: number;
  /** Waited after each chunk, in milliseconds. */
  readonly pauseMs?: number;
}

export interface UpstreamMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  /** Text, or the tool result as it was sent. */
  readonly text: string;
  /** Names of the tools an assistant message called. */
  readonly toolCalls: readonly string[];
}

/** A request as the fake upstream understood it. */
export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed JSON body, as it was sent. */
  readonly body: Record<string, unknown>;
  readonly protocol: UpstreamProtocol;
  readonly model: string;
  readonly messages: readonly UpstreamMessage[];
  /** Names of the offered tools. */
  readonly tools: readonly string[];
}

/** What a protocol must know: to read a request and to write a reply as chunks of an event stream. */
export interface Protocol {
  readonly name: UpstreamProtocol;
  readonly matches: (path: string) => boolean;
  readonly read: (path: string, body: Record<string, unknown>) => Pick<UpstreamRequest, 'model' | 'messages' | 'tools'>;
  /** The chunks of a whole answer. `nextId` gives ids that are unique for the upstream. */
  readonly chunks: (reply: UpstreamReply, request: UpstreamRequest, nextId: (prefix: string) => string) => string[];
  /** The answer as a whole, where the protocol has such a form, for requests that ask for no stream. */
  readonly whole?: (reply: UpstreamReply, request: UpstreamRequest, nextId: (prefix: string) => string) => unknown;
  /** How many chunks at the end only finish the answer. */
  readonly closing: number;
  /** An error's body, and the same in mid-stream. */
  readonly error: (status: number, message: string, reply: Pick<UpstreamReply, 'code' | 'details'>) => unknown;
  readonly errorChunk: (message: string, code: string | undefined) => string;
}

export const defaultUsage: UpstreamUsage = { inputTokens: 11, outputTokens: 7 };
