import { ReeveError, silentLog } from '@reeve/kit';
import {
  localServerOf,
  openModels,
  type ModelConfig,
  type ModelInfo,
  type ModelGateway,
  type ModelPart,
  type ModelRequest,
} from '@reeve/models';
import { readContextWindow, readServerSlots } from '@reeve/models/server-info';
import { fail, ok, warn, type Check } from './check.ts';

/** Tokens that each trial call may answer. */
const ANSWER_TOKENS = 256;
const QUESTION = 'Name three colors of the rainbow, and say one sentence about each.';
const WORK = {
  name: 'record_temperature',
  description: 'Records the temperature of a city.',
  inputSchema: {
    type: 'object',
    properties: { city: { type: 'string' }, celsius: { type: 'number' } },
    required: ['city', 'celsius'],
  },
};
const ANSWER_SCHEMA = {
  type: 'object',
  properties: { city: { type: 'string' }, celsius: { type: 'number' } },
  required: ['city', 'celsius'],
  additionalProperties: false,
};

/**
 * Tries a model with three real calls, which no ledger books: a plain answer, a call of a tool, and JSON of a schema. `model` null is
 * the default model. After a failed first call the others are not made. Throws `invalid_request` for a configuration that no call
 * can be made with, and `cancelled` where the signal is aborted.
 */
export async function checkModelCalls(
  config: ModelConfig,
  model: string | null,
  signal: AbortSignal,
): Promise<Check[]> {
  const models = openModels(config, silentLog);
  const ask = (request: Partial<ModelRequest>) => tryCall(models, { ...EMPTY, model, ...request }, signal);
  const plain = await ask({ messages: [{ role: 'user', text: QUESTION }] });
  if (plain instanceof ReeveError)
    return [fail('answer', plain.message, 'no agent can use this model until it answers')];
  const server = await checkModelServer(config, models.describe(model));
  const tools = await ask({
    messages: [{ role: 'user', text: `It is 21 degrees Celsius in Bern. Record that with ${WORK.name}.` }],
    tools: [WORK],
  });
  const json = await ask({
    messages: [
      { role: 'user', text: 'It is 21 degrees Celsius in Bern. Answer with the city and the temperature as JSON.' },
    ],
    json: { name: 'weather', schema: ANSWER_SCHEMA },
  });
  return [...server, answerOf(plain), streamingOf(plain), toolsOf(tools), jsonOf(json)];
}

/** What the server says of itself, where it is one that may. */
async function checkModelServer(config: ModelConfig, { id, provider }: ModelInfo): Promise<Check[]> {
  const server = localServerOf(config, provider);
  if (server === undefined) return [];
  const [slots, contextTokens] = await Promise.all([
    readServerSlots(server),
    readContextWindow(server, id.slice(provider.length + 1)),
  ]);
  const atOnce =
    slots === undefined
      ? 'it does not say how many calls it takes at once: Reeve learns it'
      : `${slots} ${slots === 1 ? 'call' : 'calls'} at once`;
  const window = contextTokens === undefined ? 'its context window is unknown' : `${contextTokens} tokens a call`;
  const evidence = `${server.baseUrl}: ${atOnce}; ${window}`;
  if (contextTokens === undefined || contextTokens >= LEAST_CONTEXT) return [ok('server', evidence)];
  return [warn('server', evidence, 'conversations with tools soon outgrow that: start it with a larger context')];
}

/** Tokens that an agent's instructions, a few tools and a short conversation need. */
const LEAST_CONTEXT = 8_192;

const EMPTY = { system: '', context: [], messages: [], tools: [], maxOutputTokens: ANSWER_TOKENS } as const;

/** What came of a trial call. */
interface Trial {
  readonly text: string;
  /** Parts of text or thinking that arrived by themselves. */
  readonly parts: number;
  readonly calls: readonly Extract<ModelPart, { type: 'tool_call' }>['call'][];
  readonly end: Extract<ModelPart, { type: 'finish' }>;
  readonly firstMs: number;
  readonly totalMs: number;
}

async function tryCall(
  models: Pick<ModelGateway, 'stream'>,
  request: ModelRequest,
  signal: AbortSignal,
): Promise<Trial | ReeveError> {
  const startedAt = performance.now();
  const calls: Trial['calls'][number][] = [];
  let [text, parts, firstMs] = ['', 0, 0];
  try {
    for await (const part of models.stream(request, signal)) {
      if (parts === 0 && calls.length === 0) firstMs = performance.now() - startedAt;
      if (part.type === 'finish')
        return { text, parts, calls, end: part, firstMs, totalMs: performance.now() - startedAt };
      if (part.type === 'tool_call') calls.push(part.call);
      else parts += 1;
      if (part.type === 'text') text += part.delta;
    }
    return new ReeveError('malformed_answer', 'the answer ended before it was finished');
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return ReeveError.from(thrown);
  }
}

function answerOf({ text, end, firstMs, totalMs }: Trial): Check {
  const { outputTokens, reasoningTokens, estimated } = end.usage;
  const perSecond = outputTokens / Math.max(0.001, (totalMs - firstMs) / 1000);
  const evidence = `${end.provider}/${end.model}: first word after ${Math.round(firstMs)} ms, ${Math.round(perSecond)} tokens/s${estimated ? ', estimated since the server counts none' : ''}`;
  if (text.trim() !== '') return ok('answer', evidence);
  return reasoningTokens > 0 || end.reason === 'length'
    ? warn('answer', `${evidence}; it only thought`, 'runs may end without an answer: allow it more output tokens')
    : fail('answer', `${evidence}; the answer is empty`, 'runs will end without an answer');
}

function streamingOf({ parts, firstMs, totalMs }: Trial): Check {
  const evidence = `${parts} parts in ${Math.round(totalMs)} ms`;
  if (parts > 1 && firstMs < totalMs) return ok('streaming', evidence);
  return warn('streaming', `${evidence}: it came as a whole`, 'readers see nothing of an answer until it is complete');
}

function toolsOf(trial: Trial | ReeveError): Check {
  const remedy = 'agents cannot use tools with this model';
  if (trial instanceof ReeveError) return warn('tools', trial.message, remedy);
  const [call] = trial.calls;
  if (call === undefined)
    return warn('tools', `it called no tool, and said: ${shortened(trial.text)}`, `${remedy} reliably`);
  const { city, celsius } = (call.input ?? {}) as { city?: unknown; celsius?: unknown };
  if (call.name === WORK.name && typeof city === 'string' && celsius === 21)
    return ok('tools', `called ${call.name}(${JSON.stringify(call.input)})`);
  return warn(
    'tools',
    `called ${call.name}(${shortened(JSON.stringify(call.input) ?? '')})`,
    'arguments of tool calls are often wrong',
  );
}

function jsonOf(trial: Trial | ReeveError): Check {
  const remedy = 'facts, plans and `response_format` fail or need a repair with this model';
  if (trial instanceof ReeveError) return warn('json', trial.message, remedy);
  const { city, celsius } = parsed(trial.text);
  if (typeof city === 'string' && typeof celsius === 'number') return ok('json', shortened(trial.text));
  return warn('json', `not the JSON that was asked for: ${shortened(trial.text)}`, remedy);
}

function parsed(text: string): { city?: unknown; celsius?: unknown } {
  try {
    return (JSON.parse(text) ?? {}) as object;
  } catch {
    return {};
  }
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 120 ? `${line.slice(0, 120).toWellFormed()} …` : line;
}
