import type { NewRunEvent } from '@reeve/contract';
import { ReeveError, storable, storableText } from '@reeve/kit';
import type { ModelGateway, ModelPart, ModelRequest, ModelToolCall, ModelTurn } from '@reeve/models';
import type { CallLedger } from '@reeve/ledger';

export interface ModelAnswer {
  readonly text: string;
  readonly toolCalls: readonly ModelToolCall[];
  /** How it ended, and what it used. */
  readonly end: Extract<ModelPart, { type: 'finish' }>;
  /** Events that were not written yet: they go into the transaction that settles the step. */
  readonly rest: readonly NewRunEvent[];
}

/** Streamed text waits at most this long to be written, and goes with whatever came meanwhile. */
const COALESCE_MS = 50;

/**
 * Makes one model call. Text and thinking are given to `write` while they stream, coalesced into few events; what is left at
 * the end comes back in `rest`. While the call waits for its turn at the model, events tell its position in line. Throws what the model threw, and what `write` did.
 */
export async function callModel(
  models: ModelGateway,
  request: ModelRequest,
  signal: AbortSignal,
  step: number,
  write: (events: readonly NewRunEvent[]) => Promise<void>,
  ledger: CallLedger,
  turn: ModelTurn,
): Promise<ModelAnswer> {
  const failed = new AbortController();
  const whole = { text: wholeCharacters(), thinking: wholeCharacters() };
  const toolCalls: ModelToolCall[] = [];
  let text = '';
  let waiting: NewRunEvent[] = [];
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> = Promise.resolve();
  const flush = () => {
    timer = undefined;
    const events = waiting;
    waiting = [];
    flushing = flushing.then(() => write(events)).catch((error: unknown) => failed.abort(error));
  };
  const add = (type: 'text' | 'thinking', delta: string) => {
    if (delta === '') return;
    const last = waiting.at(-1);
    if (last?.type === type) waiting[waiting.length - 1] = { ...last, delta: last.delta + delta };
    else waiting.push({ type, step, delta });
    timer ??= setTimeout(flush, COALESCE_MS);
  };
  const onWait = (position: number) => {
    const message = `waiting for the model, ${ordinal(position)} in line`;
    waiting.push({ type: 'system', phase: 'waiting_for_model', message, step });
    timer ??= setTimeout(flush, COALESCE_MS);
  };
  const stop = AbortSignal.any([signal, failed.signal]);
  try {
    for await (const part of models.stream(request, stop, ledger, { ...turn, onWait })) {
      failed.signal.throwIfAborted();
      if (part.type === 'text' || part.type === 'thinking') {
        const delta = whole[part.type](part.delta);
        if (part.type === 'text') text += delta;
        add(part.type, delta);
      } else if (part.type === 'tool_call') toolCalls.push(storable(part.call) as ModelToolCall);
      else {
        clearTimeout(timer);
        await flushing;
        failed.signal.throwIfAborted();
        return { text, toolCalls, end: part, rest: waiting };
      }
    }
    throw new ReeveError('upstream_error', 'the model’s stream ended without an end');
  } catch (error) {
    failed.signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    await flushing;
  }
}

/** Makes deltas storable: half a surrogate pair at the end of one waits for its other half in the next. */
function wholeCharacters(): (delta: string) => string {
  let half = '';
  return (delta) => {
    const text = half + delta;
    half = /[\uD800-\uDBFF]$/.exec(text)?.[0] ?? '';
    return storableText(text.slice(0, text.length - half.length));
  };
}

const ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth', 'tenth'];

function ordinal(position: number): string {
  return ORDINALS[position - 1] ?? `number ${position}`;
}
