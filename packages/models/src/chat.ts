import type { ModelPart, ModelRequest } from './model.ts';

/** A call in the words of OpenAI's Chat Completions, which a provider that speaks them can be handed as it is. */
export interface ChatCall {
  /** The same in the words that every provider is asked in. Pictures are left out of it. */
  readonly request: ModelRequest;
  /** What the caller sent. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Where the pictures are in it, as paths for errors. */
  readonly pictures: readonly string[];
  /** As server-sent events; else as one JSON object. */
  readonly stream: boolean;
  /** The caller of a stream wants to be told the usage. */
  readonly withUsage: boolean;
}

/** Whole events of a stream, as the provider wrote them. */
export interface RelayedPart {
  readonly type: 'relayed';
  readonly bytes: Uint8Array;
  /** The model said something or called a tool in it; else it only thought. */
  readonly answers: boolean;
}

/** A part of an answer to a `ChatCall`: all of one answer are relayed, or none is. */
export type ChatPart = ModelPart | RelayedPart;
