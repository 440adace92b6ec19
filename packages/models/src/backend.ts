import type { ReeveError } from '@reeve/kit';
import type {
  ChatCall,
  FinishReason,
  ModelPart,
  ModelRequest,
  RelayedPart,
  RelayRemainder,
  TokenUsage,
} from './model.ts';

/** One attempt at a provider: a request for one of its models, with the output limit resolved. */
export interface BackendRequest {
  /** The provider's own name of the model. */
  readonly model: string;
  readonly request: ModelRequest;
  /** Reports output as it is streamed, in characters; also of parts that are passed on only when complete, such as a tool call. */
  readonly onOutput: (characters: number) => void;
  /** Estimates the usage from the request and the characters reported to `onOutput`. */
  readonly estimate: () => TokenUsage;
  /** The original chat completion, for a backend that relays it. */
  readonly chat: ChatCall | undefined;
}

/** A part of an answer, without its cost. An answer ends with exactly one `finish`. */
export type AnswerPart =
  | Exclude<ModelPart, { type: 'finish' }>
  | RelayedPart
  | {
      readonly type: 'finish';
      readonly reason: FinishReason;
      readonly usage: TokenUsage;
      readonly providerData?: unknown;
      readonly remainder?: RelayRemainder;
    };

/** An implementation of model calls: a provider over the network, the built-in model, a recording. */
export interface Backend {
  /** True where it takes OpenAI's chat completions: a request with `chat` is answered with relayed parts. */
  readonly relays: boolean;
  /** Makes one attempt. Leaving the loop, or aborting `signal`, ends it at once. Throws the provider's error as it is. */
  answer(ask: BackendRequest, signal: AbortSignal): AsyncIterable<AnswerPart>;
  /** Classifies an error that `answer` threw. */
  explain(thrown: unknown, model: string): Fault;
}

/** A failed attempt. */
export interface Fault {
  /** For the caller. */
  readonly error: ReeveError;
  /** The provider did not accept the request, so it may be sent again. */
  readonly retryable: boolean;
  /** The provider certainly did not process the request, so it costs nothing. */
  readonly unprocessed: boolean;
  /** The provider was down or overloaded, which its circuit breaker counts. */
  readonly outage: boolean;
  /** The usage, where the provider reported it although the call failed. */
  readonly usage?: TokenUsage;
}

/** A fault that ends the call: not retryable, and no sign of an outage. */
export function finalFault(error: ReeveError, unprocessed: boolean): Fault {
  return { error, retryable: false, unprocessed, outage: false };
}
