import { ReeveError } from '@reeve/kit';
import type { FinishReason, ModelGateway, ModelPart, ModelRequest } from '@reeve/models';
import type { CallLedger } from '@reeve/ledger';

/** One answer of a scripted model. */
export interface ScriptedAnswer {
  /** One delta, or several. */
  readonly text?: string | readonly string[];
  readonly calls?: readonly { readonly name: string; readonly input: unknown }[];
  /** Unset: `stop`, or `tool_calls` where there are some. */
  readonly finish?: FinishReason;
  /** Thrown instead of an end. */
  readonly error?: ReeveError;
  /** Awaited before the end, or the error. */
  readonly until?: Promise<unknown>;
  /** Goes on until it is aborted. */
  readonly hang?: boolean;
  /** Called when the answer begins. */
  readonly started?: () => void;
}

/** A model that says what a test wrote down, in order, and keeps what it was asked. */
export interface ScriptedModel extends ModelGateway {
  readonly requests: ModelRequest[];
  /** Replaces what is left of the script. */
  script(answers: readonly ScriptedAnswer[]): void;
  /** Has answers come from what is asked, where several runs ask at a time. */
  respond(answer: (request: ModelRequest) => ScriptedAnswer): void;
  /** Leaves out the next answer. */
  skip(): void;
  /** Answers left. */
  readonly waiting: number;
}

/** What every answer is said to use. */
const TOKENS = { inputTokens: 10, maxOutputTokens: 5 };

export function scriptedModel(): ScriptedModel {
  const requests: ModelRequest[] = [];
  let script: ScriptedAnswer[] = [];
  let respond: ((request: ModelRequest) => ScriptedAnswer) | undefined;
  let calls = 0;

  async function* stream(request: ModelRequest, signal: AbortSignal, ledger?: CallLedger): AsyncGenerator<ModelPart> {
    const call = await ledger?.begin({ provider: 'scripted', model: 'scripted', attempt: 1, ...TOKENS, price: null });
    let outcome = 'abandoned';
    try {
      yield* say(request, signal);
      outcome = 'ok';
    } catch (error) {
      outcome = ReeveError.from(error).reason;
      throw error;
    } finally {
      const usage = { input: TOKENS.inputTokens, output: TOKENS.maxOutputTokens, cached: 0, reasoning: 0 };
      await call?.settle({ outcome, usage, estimated: false, firstTokenMs: null, latencyMs: 0 });
    }
  }

  async function* say(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelPart> {
    requests.push(request);
    const answer = respond === undefined ? script.shift() : respond(request);
    if (answer === undefined) throw new ReeveError('upstream_error', 'the script is at its end');
    answer.started?.();
    for (const delta of typeof answer.text === 'string' ? [answer.text] : (answer.text ?? []))
      yield { type: 'text', delta };
    for (const { name, input } of answer.calls ?? [])
      yield { type: 'tool_call', call: { id: `call_${++calls}`, name, input } };
    await answer.until;
    if (answer.hang)
      await new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
      );
    if (answer.error !== undefined) throw answer.error;
    yield {
      type: 'finish',
      reason: answer.finish ?? (answer.calls === undefined ? 'stop' : 'tool_calls'),
      usage: {
        inputTokens: TOKENS.inputTokens,
        outputTokens: TOKENS.maxOutputTokens,
        cachedTokens: 0,
        reasoningTokens: 0,
        estimated: false,
      },
      provider: 'scripted',
      model: 'scripted',
      costNano: 0,
    };
  }

  return {
    provider: 'scripted',
    defaultModel: 'scripted',
    requests,
    stream,
    chat: ({ request }, signal, ledger) => stream(request, signal, ledger),
    describe: (model) => ({
      id: model ?? 'scripted',
      provider: 'scripted',
      contextTokens: 128_000,
      maxOutputTokens: 8_192,
      takesImages: null,
      price: null,
    }),
    list: () => [],
    countTokens: ({ messages }) => JSON.stringify(messages).length / 4,
    health: () => ({ status: 'ok' }),
    script: (answers) => {
      script = [...answers];
      respond = undefined;
    },
    respond: (answer) => void (respond = answer),
    skip: () => void script.shift(),
    get waiting() {
      return script.length;
    },
  };
}
