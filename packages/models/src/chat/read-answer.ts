import { InvalidResponseDataError, JSONParseError } from '@ai-sdk/provider';
import { createChunkTemplate } from './chunk-template.ts';
import type { FinishReason, TokenUsage } from '../model.ts';

/** Reads from a relayed answer what Reeve needs: the amount of output, the finish reason and the usage. */
export interface AnswerReader {
  /** Reads a chunk of a stream, or a whole answer; `isUsage` marks a chunk with usage alone. Throws an error that the chunk reports, and on malformed chunks. */
  read(text: string): { readonly isUsage: boolean };
  /** The model produced reasoning, text or a tool call. */
  hasOutput(): boolean;
  /** The model produced text or a tool call. */
  answers(): boolean;
  ended(): boolean;
  /** The finish reason. Throws where the answer has none. */
  reason(): FinishReason;
  usage(estimate: () => TokenUsage): TokenUsage;
}

/** Callbacks while an answer arrives. */
export interface ChatListener {
  readonly onOutput: (characters: number) => void;
  readonly onBlock: (writing: boolean) => void;
}

export function createAnswerReader({ onOutput, onBlock }: ChatListener): AnswerReader {
  let finish: string | undefined;
  let counted: Counted | undefined;
  let output = false;
  let answers = false;

  const template = createChunkTemplate();

  function count(answer: number, reasoning: number): void {
    if (answer + reasoning === 0) return;
    output = true;
    answers ||= answer > 0;
    onBlock(answer > 0);
    onOutput(answer + reasoning);
  }
  function countMessage(message: Message): void {
    const text = lengthOf(message.content) + lengthOf(message.refusal);
    const toolCalls = (message.tool_calls ?? []).reduce(
      (sum, { function: tool }) => sum + lengthOf(tool?.name) + lengthOf(tool?.arguments),
      0,
    );
    const reasoning = lengthOf(message.reasoning_content ?? message.reasoning);
    count(text + toolCalls, reasoning);
  }

  return {
    read(text) {
      const characters = template.charactersIn(text);
      if (characters !== undefined) {
        count(characters, 0);
        return { isUsage: false };
      }
      const chunk = parse(text);
      if ((chunk.error ?? null) !== null) throw chunk.error;
      if (!Array.isArray(chunk.choices)) throw unreadable('it has no choices');
      counted = chunk.usage ?? counted;
      const [choice] = chunk.choices;
      if (choice === undefined) return { isUsage: chunk.usage !== undefined && chunk.usage !== null };
      const message = choice.delta ?? choice.message;
      if (message !== undefined && message !== null) countMessage(message);
      finish = choice.finish_reason ?? finish;
      if (isTextAlone(chunk)) template.learn(text, chunk.choices[0]?.delta?.content as string);
      return { isUsage: false };
    },
    hasOutput: () => output,
    answers: () => answers,
    ended: () => finish !== undefined,
    reason() {
      if (finish === undefined) throw unreadable('the answer ended before it was finished');
      return REASONS[finish] ?? 'other';
    },
    usage(estimate) {
      const { prompt_tokens: input, completion_tokens: written } = counted ?? {};
      if (typeof input !== 'number' || typeof written !== 'number') return estimate();
      return {
        inputTokens: input,
        outputTokens: written,
        cachedTokens: counted?.prompt_tokens_details?.cached_tokens ?? 0,
        reasoningTokens: counted?.completion_tokens_details?.reasoning_tokens ?? 0,
        estimated: false,
      };
    },
  };
}

interface Message {
  readonly content?: unknown;
  readonly refusal?: unknown;
  readonly reasoning_content?: unknown;
  readonly reasoning?: unknown;
  readonly tool_calls?:
    | readonly { readonly function?: { readonly name?: unknown; readonly arguments?: unknown } }[]
    | null;
}

interface Counted {
  readonly prompt_tokens?: unknown;
  readonly completion_tokens?: unknown;
  readonly prompt_tokens_details?: { readonly cached_tokens?: number | null } | null;
  readonly completion_tokens_details?: { readonly reasoning_tokens?: number | null } | null;
}

interface Chunk {
  readonly error?: unknown;
  readonly choices?: readonly {
    readonly delta?: Message | null;
    readonly message?: Message | null;
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: Counted | null;
}

const REASONS: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  content_filter: 'content_filter',
};

/** True of a chunk that only continues the text. */
function isTextAlone({ usage, choices = [] }: Chunk): boolean {
  const [choice] = choices;
  return (
    choices.length === 1 &&
    typeof choice?.delta?.content === 'string' &&
    Object.keys(choice.delta).every((name) => name === 'content' || name === 'role') &&
    (choice.finish_reason ?? null) === null &&
    (usage ?? null) === null
  );
}

function parse(text: string): Chunk {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new JSONParseError({ text: '', cause });
  }
  if (typeof value !== 'object' || value === null) throw unreadable('it is no object');
  return value;
}

function unreadable(message: string): InvalidResponseDataError {
  return new InvalidResponseDataError({ data: undefined, message });
}

function lengthOf(text: unknown): number {
  return typeof text === 'string' ? text.length : 0;
}
