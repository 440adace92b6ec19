// Searches texts for a pattern, in a thread that can be ended: a hostile pattern takes exponential time.
import { workerData } from 'node:worker_threads';
import { answerQuestions } from '@reeve/kit/worker';

export interface GrepData {
  readonly source: string;
  readonly flags: string;
  /** Lines to show on either side of a match. */
  readonly context: number;
}

export interface GrepQuestion {
  readonly text: string;
  /** Stop after this many matching lines. */
  readonly limit: number;
}

/** Lines to show, in their order: matches and what is around them. */
export interface GrepLine {
  readonly number: number;
  readonly text: string;
  readonly isMatch: boolean;
}

export interface GrepAnswer {
  readonly lines: readonly GrepLine[];
  readonly matches: number;
  /** Whether there are more matches than were asked for. */
  readonly more: boolean;
}

const MAX_LINE = 400;
const BEFORE = 100;

const { source, flags, context } = workerData as GrepData;
const pattern = new RegExp(source, flags);

answerQuestions<GrepQuestion, GrepAnswer>(({ text, limit }) => {
  const all = text.split('\n');
  // A line break at the end ends the last line and begins no other.
  if (all.at(-1) === '') all.pop();
  const shown = new Map<number, GrepLine>();
  let matches = 0;
  for (const [index, raw] of all.entries()) {
    const line = withoutReturn(raw);
    const found = pattern.exec(line);
    if (found === null) continue;
    if (matches === limit) return { lines: [...shown.values()], matches, more: true };
    matches += 1;
    for (let at = Math.max(0, index - context); at <= Math.min(all.length - 1, index + context); at++) {
      if (at === index) shown.set(at, { number: at + 1, text: excerpt(line, found.index), isMatch: true });
      else if (!shown.has(at))
        shown.set(at, { number: at + 1, text: excerpt(withoutReturn(all[at]!), 0), isMatch: false });
    }
  }
  return { lines: [...shown.values()], matches, more: false };
});

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

/** A long line as its part around the match. */
function excerpt(line: string, at: number): string {
  if (line.length <= MAX_LINE) return line;
  const from = Math.max(0, Math.min(at - BEFORE, line.length - MAX_LINE));
  const part = line.slice(from, from + MAX_LINE).toWellFormed();
  return `${from > 0 ? '…' : ''}${part}${from + MAX_LINE < line.length ? '…' : ''}`;
}
