import type { ModelMessage } from '../model.ts';
import { readArithmetic, startsArithmetic } from './arithmetic.ts';
import type { DoneCall, PlannedCall } from './call.ts';
import { readTime, startsTime } from './clock.ts';
import { readCode, startsCode } from './code.ts';
import { readFetch, startsFetch } from './fetch.ts';
import { readEdit, readGlob, readRead, readWrite, startsEdit, startsGlob, startsRead, startsWrite } from './files.ts';
import { readRecall, readRemember, startsRecall, startsRemember } from './knowledge.ts';
import { splitRequest, type Start } from './split.ts';
import { readTodo, startsTodo } from './todo.ts';

/** How a kind of request begins, and what call it means. */
interface Rule {
  readonly starts: (head: string) => boolean;
  readonly read: (piece: string, before: readonly PlannedCall[]) => PlannedCall | undefined;
  /** Its end is free text, where bare arithmetic is no request of its own. */
  readonly free: boolean;
}

// The first rule that can read a piece wins: a file whose content is a fence is written, not run.
const RULES: readonly Rule[] = [
  { starts: startsFetch, read: readFetch, free: false },
  { starts: startsTodo, read: readTodo, free: true },
  { starts: startsWrite, read: readWrite, free: true },
  { starts: startsEdit, read: readEdit, free: true },
  { starts: startsRead, read: readRead, free: false },
  { starts: startsGlob, read: readGlob, free: false },
  { starts: startsTime, read: readTime, free: false },
  { starts: startsRecall, read: readRecall, free: false },
  { starts: startsRemember, read: readRemember, free: true },
  { starts: startsCode, read: readCode, free: true },
  { starts: (head) => startsArithmetic(head) !== null, read: readArithmetic, free: false },
];

const MOST_CALLS = 64;
const HEAD = 160;

/** The tool calls that a request means, in its order, whether or not the tools are offered. At most 64. */
export function planCalls(request: string): PlannedCall[] {
  const calls: PlannedCall[] = [];
  for (const piece of splitRequest(request, startAt)) {
    if (calls.length === MOST_CALLS) break;
    // A fence may open far behind the words that ask to run it.
    const head = piece.slice(0, HEAD) + (piece.includes('```') ? '```' : '');
    for (const rule of RULES) {
      const call = rule.starts(head) ? rule.read(piece, calls) : undefined;
      if (call !== undefined) {
        calls.push(call);
        break;
      }
    }
  }
  return calls;
}

function startAt(text: string, at: number): Start | null {
  // What is in a fence further on says nothing of the words here.
  const head = text.slice(at, at + HEAD).split(/(?!^)```/, 1)[0]!;
  const rule = RULES.find(({ starts }) => starts(head));
  if (rule === undefined) return null;
  return { free: rule.free, bare: startsArithmetic(head) === 'bare' };
}

/**
 * Which calls of a plan are done, in order, and which is next: those with a result among the messages after the request, and those
 * that `alone` has the result of.
 */
export function progress(
  plan: readonly PlannedCall[],
  after: readonly ModelMessage[],
  alone: ReadonlyMap<PlannedCall, DoneCall>,
): { done: DoneCall[]; next: PlannedCall | undefined } {
  const results = after.filter((message) => message.role === 'tool');
  const done: DoneCall[] = [];
  let at = 0;
  for (const call of plan) {
    const own = alone.get(call);
    if (own !== undefined) {
      done.push(own);
      continue;
    }
    while (at < results.length && results[at]!.name !== call.tool) at += 1;
    const result = results[at];
    if (result === undefined) return { done, next: call };
    done.push({ call, output: result.output, isError: result.isError });
    at += 1;
  }
  return { done, next: undefined };
}
