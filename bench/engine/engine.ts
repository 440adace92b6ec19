import { createHash } from 'node:crypto';

/** What a run is like. It travels in the run's first message, so that model and tool know it in any process. */
export interface Shape {
  /** Names the run, and makes its results unlike those of others. */
  readonly seed: string;
  readonly toolCalls: number;
  /** Length of each result's text. It does not compress. */
  readonly resultBytes: number;
  /** The model stops answering after so many tool calls, for the process to be killed there. */
  readonly hangAfter?: number | undefined;
}

/** What the model says next: a call of the tool, the answer, or nothing ever. */
export type Say =
  | {
      readonly do: 'call';
      readonly id: string;
      readonly input: { readonly seed: string; readonly call: number; readonly bytes: number };
    }
  | { readonly do: 'answer'; readonly text: string }
  | { readonly do: 'hang' };

/** What an engine's process hears of. */
export interface Hooks {
  /** The model is asked. */
  asked(): void;
  /** The model is asked and will not answer. */
  hanging(): void;
  /** The tool is called. */
  called(): void;
}

/** Where an engine keeps its runs: PostgreSQL by its URL, the embedded database by its directory. */
export interface Address {
  readonly url?: string;
  readonly dataDirectory?: string;
}

/** An agent engine, as the benchmark sees it. Each file in engines/ exports `open`. */
export interface Engine extends AsyncDisposable {
  /** One whole run, recorded as durably as the engine does. Answers what the agent said last. */
  run(shape: Shape): Promise<string>;
  /** Goes on with the run of a process that was killed. Answers the moment, by `performance.now()`, at which it was taken up. */
  resume(shape: Shape): Promise<number>;
}

export type OpenEngine = (address: Address, hooks: Hooks) => Promise<Engine>;

export const TOOL = 'do_nothing';
export const SYSTEM_PROMPT = 'Work.';

/** What the model says after so many results, the same in every engine. */
export function say({ seed, toolCalls, resultBytes, hangAfter }: Shape, results: number): Say {
  if (results === hangAfter) return { do: 'hang' };
  if (results >= toolCalls) return { do: 'answer', text: 'Worked.' };
  const call = results + 1;
  return { do: 'call', id: `call_${call}`, input: { seed, call, bytes: resultBytes } };
}

/** What the tool answers. */
export function resultOf({ seed, call, bytes }: { seed: string; call: number; bytes: number }) {
  return { call, text: noise(`${seed} ${call}`, bytes) };
}

/** The bytes of a run's distinct messages and results, as JSON. */
export function distinctBytes(shape: Shape): number {
  let bytes = JSON.stringify({ role: 'user', text: JSON.stringify(shape) }).length;
  for (let results = 0; ; results += 1) {
    const said = say({ ...shape, hangAfter: undefined }, results);
    if (said.do !== 'call') return bytes + JSON.stringify({ role: 'assistant', ...said }).length;
    const { id, input } = said;
    bytes += JSON.stringify({ role: 'assistant', calls: [{ id, name: TOOL, input }] }).length;
    bytes += JSON.stringify({ role: 'tool', id, name: TOOL, result: resultOf(input) }).length;
  }
}

/** Text of that length that no compression makes much smaller, the same for the same seed. */
function noise(seed: string, length: number): string {
  return createHash('shake256', { outputLength: Math.ceil((length * 3) / 4) })
    .update(seed)
    .digest('base64')
    .slice(0, length);
}
