import { ReeveError } from '@reeve/kit';
import type { CallLedger } from '@reeve/ledger';
import { z } from 'zod';
import type { ModelGateway, ModelMessage, ModelRequest, TokenUsage } from './model.ts';

export interface GenerateObject<S extends z.ZodType> {
  /** Its `json` is made from the schema. */
  readonly request: Omit<ModelRequest, 'json' | 'tools' | 'toolChoice'>;
  readonly schema: S;
  /** What the object is called, for the model. */
  readonly name?: string;
  readonly signal: AbortSignal;
  readonly ledger?: CallLedger;
}

/** An object that a model made, and what it took, the repair included. */
export interface GeneratedObject<T> {
  readonly value: T;
  readonly usage: TokenUsage;
  readonly provider: string;
  readonly model: string;
  /** Null where the price is not known. */
  readonly costNano: number | null;
}

/**
 * Asks a model for JSON that fits a schema. An answer that does not fit is shown to the model once with what is
 * wrong with it; where the second does not fit either, throws `malformed_answer` with what was wrong.
 */
export async function generateObject<S extends z.ZodType>(
  gateway: Pick<ModelGateway, 'stream'>,
  { request, schema, name = 'answer', signal, ledger }: GenerateObject<S>,
): Promise<GeneratedObject<z.output<S>>> {
  const { $schema: _, ...jsonSchema } = z.toJSONSchema(schema, { io: 'input' }) as Record<string, unknown>;
  // Said in words as well, for the servers that take a schema and do not heed it.
  const rule = `Answer with one JSON value and nothing else. It must fit this JSON Schema:\n${JSON.stringify(jsonSchema)}`;
  const system = request.system === '' ? rule : `${request.system}\n\n${rule}`;
  const asked: ModelRequest = { ...request, system, tools: [], json: { name, schema: jsonSchema } };
  const first = await ask(gateway, asked, signal, ledger);
  const read = readAnswer(first, schema);
  if ('value' in read) return { ...first.spent, value: read.value };

  const again = await ask(
    gateway,
    { ...asked, messages: [...asked.messages, ...repair(first, read.problems)] },
    signal,
    ledger,
  );
  const mended = readAnswer(again, schema);
  if ('value' in mended) return { ...add(first.spent, again.spent), value: mended.value };
  throw new ReeveError(
    'malformed_answer',
    `The model did not answer with the JSON that was asked for, nor after one repair: ${mended.problems.join('; ')}`,
  );
}

type Spent = Omit<GeneratedObject<never>, 'value'>;

interface Answer {
  readonly text: string;
  readonly cut: boolean;
  readonly spent: Spent;
}

async function ask(
  gateway: Pick<ModelGateway, 'stream'>,
  request: ModelRequest,
  signal: AbortSignal,
  ledger: CallLedger | undefined,
): Promise<Answer> {
  let text = '';
  for await (const part of gateway.stream(request, signal, ledger)) {
    if (part.type === 'text') text += part.delta;
    if (part.type === 'finish') {
      const { usage, provider, model, costNano, reason } = part;
      return { text, cut: reason === 'length', spent: { usage, provider, model, costNano } };
    }
  }
  throw new ReeveError('malformed_answer', 'the model’s stream ended without an end');
}

function readAnswer<S extends z.ZodType>(
  { text, cut }: Answer,
  schema: S,
): { value: z.output<S> } | { problems: string[] } {
  let json: unknown;
  try {
    json = JSON.parse(withoutFence(text));
  } catch (error) {
    const why = cut ? 'it was cut off by the limit on its length' : (error as Error).message;
    return { problems: [`it is not JSON: ${why}`] };
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return { value: parsed.data };
  return { problems: parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the value'}: ${message}`) };
}

/** Some models put JSON into a code fence, whatever they are told. */
function withoutFence(text: string): string {
  return /^\s*```(?:json)?\s*\n(.*)\n\s*```\s*$/s.exec(text)?.[1] ?? text;
}

function repair({ text }: Answer, problems: readonly string[]): ModelMessage[] {
  return [
    ...(text === '' ? [] : [{ role: 'assistant' as const, text, toolCalls: [] }]),
    {
      role: 'user',
      text: `That does not fit the schema:\n${problems.map((problem) => `- ${problem}`).join('\n')}\nAnswer again with the whole JSON value, corrected.`,
    },
  ];
}

function add(first: Spent, second: Spent): Spent {
  const sum = (key: 'inputTokens' | 'outputTokens' | 'cachedTokens' | 'reasoningTokens') =>
    first.usage[key] + second.usage[key];
  return {
    ...second,
    usage: {
      inputTokens: sum('inputTokens'),
      outputTokens: sum('outputTokens'),
      cachedTokens: sum('cachedTokens'),
      reasoningTokens: sum('reasoningTokens'),
      estimated: first.usage.estimated || second.usage.estimated,
    },
    costNano: first.costNano === null || second.costNano === null ? null : first.costNano + second.costNano,
  };
}
