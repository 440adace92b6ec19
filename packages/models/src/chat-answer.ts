import { InvalidResponseDataError, JSONParseError } from '@ai-sdk/provider';
import { createChatForm } from './chat-form.ts';
import type { FinishReason, TokenUsage } from './model.ts';

/** What Reeve must know of an answer that it hands on: how much was written, how it ended and what it used. */
export interface ChatReading {
  /** Reads a chunk of a stream, or a whole answer, and says whether it only tells of the usage. Throws the error that it is, and where it cannot be read. */
  read(text: string): { readonly isUsage: boolean };
  /** Something was thought, said or called. */
  hasOutput(): boolean;
  /** Something was said or called. */
  answers(): boolean;
  ended(): boolean;
  /** How it ended. Throws where it did not. */
  reason(): FinishReason;
  usage(estimate: () => TokenUsage): TokenUsage;
}

/** What hears of an answer while it comes. */
export interface ChatListener {
  readonly onOutput: (characters: number) => void;
  readonly onBlock: (writing: boolean) => void;
}

export function createChatReading({ onOutput, onBlock }: ChatListener): ChatReading {
  let finish: string | undefined;
  let counted: Counted | undefined;
  let output = false;
  let answers = false;

  const form = createChatForm();

  function write(said: number, thought: number): void {
    if (said + thought === 0) return;
    output = true;
    answers ||= said > 0;
    onBlock(said > 0);
    onOutput(said + thought);
  }
  function hear(message: Message): void {
    const said = lengthOf(message.content) + lengthOf(message.refusal);
    const called = (message.tool_calls ?? []).reduce(
      (sum, { function: tool }) => sum + lengthOf(tool?.name) + lengthOf(tool?.arguments),
      0,
    );
    const thought = lengthOf(message.reasoning_content ?? message.reasoning);
    write(said + called, thought);
  }

  return {
    read(text) {
      const characters = form.charactersIn(text);
      if (characters !== undefined) {
        write(characters, 0);
        return { isUsage: false };
      }
      const chunk = parse(text);
      if ((chunk.error ?? null) !== null) throw chunk.error;
      if (!Array.isArray(chunk.choices)) throw unreadable('it has no choices');
      counted = chunk.usage ?? counted;
      const [choice] = chunk.choices;
      if (choice === undefined) return { isUsage: chunk.usage !== undefined && chunk.usage !== null };
      const message = choice.delta ?? choice.message;
      if (message !== undefined && message !== null) hear(message);
      finish = choice.finish_reason ?? finish;
      if (isTextAlone(chunk)) form.learn(text, chunk.choices[0]?.delta?.content as string);
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

/** True of a chunk that only goes on with the text. */
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
