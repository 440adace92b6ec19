import type { RunEvent, Usage } from '@reeve/contract';
import { callerCallId } from '@reeve/runs';

/** A call that the caller is to make. */
export interface CallerCallTold {
  /** By which the caller gives its result. */
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
}

/** The end of a turn whose run waits for its caller. */
export interface CallsTold {
  readonly type: 'calls';
  readonly calls: readonly CallerCallTold[];
  /** What the latest step said. */
  readonly text: string;
  readonly usage: Usage;
  /** When the run began. */
  readonly startedAt: string;
}

/*
 * The turns of a run
 *
 * A run that calls tools of its caller is answered in turns: each ends where the run waits for the caller, the last one where it
 * ends. A turn is told by the last event before it: 0 for the first, and then the last event before the results came. The same log
 * gives the same turns, whoever reads them and when.
 */

/** The events of a turn, with `session_start` before all; `calls` ends one that is not the last, whose result is its own usage. */
export async function* turnOf(
  events: AsyncIterable<RunEvent>,
  after: number,
): AsyncGenerator<RunEvent | CallsTold, void> {
  const open = new Map<number, CallerCallTold>();
  let usage: Usage = NOTHING;
  let startedAt = '';
  let step = 0;
  let text = '';
  for await (const event of events) {
    const isOurs = event.seq > after;
    if (event.type === 'session_start') startedAt ||= event.timestamp;
    if (event.type === 'tool_call' && event.for_caller === true)
      open.set(event.step, { id: callerCallId(event.run_id, event.step), name: event.name, input: event.input });
    if (event.type === 'tool_result') open.delete(event.step);
    if (event.type === 'system' && event.discard_step === step) text = '';
    if (event.type === 'text') {
      if (event.step !== step) [step, text] = [event.step, ''];
      text += event.delta;
    }
    if (event.type === 'usage' && isOurs) usage = sum(usage, event.usage);
    if (event.type === 'system' && event.waiting_for === 'caller' && isOurs) {
      yield { type: 'calls', calls: [...open.values()], text, usage, startedAt };
      return;
    }
    if (!isOurs && event.type !== 'session_start') continue;
    yield event.type === 'result' && after > 0 ? { ...event, usage } : event;
  }
}

const NOTHING: Usage = { input_tokens: 0, output_tokens: 0, total_tokens: 0, cost_usd: null };

function sum(one: Usage, other: Usage): Usage {
  return {
    input_tokens: one.input_tokens + other.input_tokens,
    output_tokens: one.output_tokens + other.output_tokens,
    total_tokens: one.total_tokens + other.total_tokens,
    cost_usd: null,
    cached_tokens: (one.cached_tokens ?? 0) + (other.cached_tokens ?? 0),
    reasoning_tokens: (one.reasoning_tokens ?? 0) + (other.reasoning_tokens ?? 0),
  };
}
