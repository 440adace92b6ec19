import type { ReeveError } from '@reeve/kit';
import type { ChatCall, FinishReason, ModelPart, ModelRequest, RelayedPart, Rest, TokenUsage } from './model.ts';

/** One attempt at a provider: a request for one of its models, with every limit decided. */
export interface Ask {
  /** The provider's own name of the model. */
  readonly model: string;
  readonly request: ModelRequest;
  /** Hears of output as it is written, in characters; also of what is not shown before it is whole, such as a tool call. */
  readonly onOutput: (characters: number) => void;
  /** What will have been used, from what was sent and what `onOutput` heard of. */
  readonly estimate: () => TokenUsage;
  /** The same in the caller’s own words, for a backend that relays. */
  readonly chat: ChatCall | undefined;
}

/** An answer before it is priced. It ends with exactly one `finish`. */
export type AnswerPart =
  | Exclude<ModelPart, { type: 'finish' }>
  | RelayedPart
  | {
      readonly type: 'finish';
      readonly reason: FinishReason;
      readonly usage: TokenUsage;
      readonly providerData?: unknown;
      readonly rest?: Rest;
    };

/** What answers: a provider behind the network, the built-in model, a recording. */
export interface Backend {
  /** It speaks OpenAI's Chat Completions: asked with a `chat` it answers with relayed parts, and with others else. */
  readonly relays: boolean;
  /** Makes one attempt. Leaving the loop over it, or the signal, ends it at once. Throws whatever went wrong. */
  answer(ask: Ask, signal: AbortSignal): AsyncIterable<AnswerPart>;
  /** What something that `answer` threw means. */
  explain(thrown: unknown, model: string): Fault;
}

/** A failed attempt. */
export interface Fault {
  /** For the caller. */
  readonly error: ReeveError;
  /** The provider did not take the request, so that it may be sent again. */
  readonly repeatable: boolean;
  /** The provider certainly did nothing, so that there is nothing to pay. */
  readonly untouched: boolean;
  /** The provider was down or overloaded, which counts for its circuit breaker. */
  readonly outage: boolean;
  /** What was used, where the provider said so although it failed. */
  readonly usage?: TokenUsage;
}

/** A failure that ends the call: not to be repeated, and no sign of an outage. */
export function finalFault(error: ReeveError, untouched: boolean): Fault {
  return { error, repeatable: false, untouched, outage: false };
}
