import { createHash } from 'node:crypto';
import type { Playbook } from '@reeve/contract';
import { createMask, isRecord, storableText } from '@reeve/kit';
import { DEFAULT_RULES, withoutSecrets, type MemoryRules } from '../care/sensitive.ts';
import { analyze, type IndexedText } from '@reeve/retrieval';

/*
 * A playbook is a goal and the tool calls that reached it
 *
 *   a run with tools completes ──► learnt: a new one, or one more success of one that is alike
 *   a run that was shown one, and began as it says, fails ──► one more failure
 *   failures outweigh successes ──► it falls out
 */

export type PlaybookStep = Playbook['steps'][number];

/** A call as a run made it. */
export interface MadeCall {
  readonly tool: string;
  readonly input: unknown;
}

/** Calls of a playbook; a run of more is too particular to be repeated. */
const MAX_STEPS = 20;
const MAX_GOAL = 500;
const MAX_VALUE = 200;
const MAX_ARGUMENTS = 20;
/** Characters of a goal and a value that are scanned for secrets: far more than are kept, so that secrets are masked whole. */
const MAX_READ = 5_000;
/** Limit for all values of a playbook, which bounds the time of the scan. */
const MAX_READ_IN_ALL = 50_000;

/** The steps of a playbook without secrets, long values truncated; undefined if there are none or too many. */
export function stepsOf(calls: readonly MadeCall[], rules: MemoryRules = DEFAULT_RULES): PlaybookStep[] | undefined {
  if (calls.length === 0 || calls.length > MAX_STEPS) return undefined;
  const mask = createMask();
  let left = MAX_READ_IN_ALL;
  return calls.map(({ tool, input }) => {
    const fields = isRecord(input) ? input : { input };
    const known = Object.entries(mask.value(fields) as object).slice(0, MAX_ARGUMENTS);
    const args = known.map(([name, value]): [string, string] => {
      const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
      const read = text.slice(0, Math.min(MAX_READ, left));
      left -= read.length;
      return [
        storableText(withoutSecrets(name.slice(0, 100), rules)),
        shortened(storableText(withoutSecrets(mask.text(read), rules)), MAX_VALUE),
      ];
    });
    return { tool, args: Object.fromEntries(args) };
  });
}

/** A goal on one line, without secrets. */
export function goalOf(text: string, rules: MemoryRules = DEFAULT_RULES): string {
  const line = storableText(withoutSecrets(createMask().text(text.slice(0, MAX_READ)), rules))
    .replace(/\s+/gu, ' ')
    .trim();
  return shortened(line, MAX_GOAL);
}

/** Identifies playbooks that do the same: tools, argument names and order; repeated calls count once. */
export function shapeOf(steps: readonly PlaybookStep[]): string {
  const calls = steps.map(({ tool, args }) => `${tool}(${Object.keys(args).sort().join(',')})`);
  const shape = calls.filter((call, at) => call !== calls[at - 1]).join('\n');
  return createHash('sha256').update(shape).digest('hex');
}

/** True where two goals have at least half of their words in common. */
export function isAlike(goal: string, other: string): boolean {
  const [one, two] = [new Set(analyze(goal).terms), new Set(analyze(other).terms)];
  const shared = one.intersection(two).size;
  return goal === other || (shared > 0 && shared * 2 >= one.union(two).size);
}

/** The confidence in a playbook: the lower bound of its success rate at 90 % confidence (Wilson), from 0 to 1. */
export function confidenceOf(successes: number, failures: number): number {
  const count = successes + failures;
  if (count === 0) return 0;
  const z = 1.645;
  const share = successes / count;
  const spread = z * Math.sqrt((share * (1 - share) + (z * z) / (4 * count)) / count);
  return Math.max(0, (share + (z * z) / (2 * count) - spread) / (1 + (z * z) / count));
}

/** True if a playbook failed as often as it worked, and more than once. */
export function isWrong({ successes, failures }: Pick<Playbook, 'successes' | 'failures'>): boolean {
  return failures >= 2 && failures >= successes;
}

/** The indexed text of a playbook. */
export function playbookText({ id, goal }: Pick<Playbook, 'id' | 'goal'>): IndexedText {
  return { ref: id, fields: [{ text: goal, weight: 1 }] };
}

/** A playbook as a model is shown it. */
export function textOf({
  goal,
  steps,
  successes,
  failures,
}: Pick<Playbook, 'goal' | 'steps' | 'successes' | 'failures'>): string {
  const times = `${successes} of ${successes + failures} times`;
  const lines = steps.map(({ tool, args }, at) => `${at + 1}. ${tool} ${JSON.stringify(args)}`);
  return [`What worked before (${times}) for: ${goal}`, ...lines].join('\n');
}

function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length).toWellFormed()}…`;
}
