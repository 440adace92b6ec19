import { ReeveError } from '@reeve/kit';
import type { Hunk, HunkLine } from './patch.ts';

/** Comparisons of lines, after which a patch is refused: a hostile one could ask for pages of them. Long lines count for several. */
const MAX_COMPARISONS = 20_000_000;

/** What a patch has cost so far; one for all its files. */
export interface Effort {
  comparisons: number;
}

/**
 * A text with hunks applied, in their order. What is kept stays as the text has it; where no exact place is found, spaces at
 * the ends of lines are overlooked. Throws `invalid_request` that names the line of the patch which does not match, and for a
 * hunk that fits several places, and where the effort becomes too much.
 */
export function applyHunks(path: string, content: string, hunks: readonly Hunk[], effort: Effort): string {
  const text: Text = { path, lines: content.split('\n'), effort };
  const endsInBreak = text.lines.at(-1) === '';
  if (endsInBreak) text.lines.pop();
  const isDos = text.lines[0]?.endsWith('\r') ?? false;
  const result: string[] = [];
  let done = 0;
  for (const hunk of hunks) {
    const start = findHunk(text, hunk, done);
    for (; done < start; done++) result.push(text.lines[done]!);
    for (const line of hunk.lines) {
      if (line.kind === 'add') result.push(isDos ? `${line.text}\r` : line.text);
      else {
        if (line.kind === 'keep') result.push(text.lines[done]!);
        done += 1;
      }
    }
  }
  for (; done < text.lines.length; done++) result.push(text.lines[done]!);
  return result.join('\n') + (result.length > 0 && (endsInBreak || content === '') ? '\n' : '');
}

interface Text {
  readonly path: string;
  readonly lines: string[];
  readonly effort: Effort;
}

type Same = (line: string, wanted: string) => boolean;
const exactly: Same = (line, wanted) => line === wanted || line === `${wanted}\r`;
const loosely: Same = (line, wanted) => line.trimEnd() === wanted.trimEnd();
const trimmed: Same = (line, wanted) => line.trim() === wanted;

/** The line that a hunk begins at, at or after `from`. */
function findHunk(text: Text, hunk: Hunk, from: number): number {
  const after = hunk.anchors.reduce((at, anchor) => findAnchor(text, hunk, anchor, at) + 1, from);
  const old = hunk.lines.filter(({ kind }) => kind !== 'add');
  if (old.length === 0) return hunk.anchors.length > 0 && !hunk.atEnd ? after : text.lines.length;
  for (const same of [exactly, loosely]) {
    const places = findPlaces(text, hunk, old, after, same);
    if (places.length > 1 && hunk.anchors.length === 0)
      throw refused(
        text.path,
        hunk.at,
        `fits at line ${places[0]! + 1} and again at line ${places[1]! + 1}; put a line of the file that comes before it behind "@@", or give more lines around the change`,
      );
    if (places.length > 0) return places[0]!;
  }
  throw mismatch(text, hunk, old, after);
}

function findAnchor(text: Text, hunk: Hunk, anchor: string, from: number): number {
  for (let at = from; at < text.lines.length; at++) if (matches(text, text.lines[at]!, anchor, trimmed)) return at;
  throw refused(text.path, hunk.at, `names ${JSON.stringify(anchor)}, which is no line of the file after line ${from}`);
}

/** The first two places where all old lines of a hunk are. */
function findPlaces(text: Text, hunk: Hunk, old: readonly HunkLine[], from: number, same: Same): number[] {
  const last = text.lines.length - old.length;
  const places: number[] = [];
  for (let at = hunk.atEnd ? Math.max(from, last) : from; at <= last && places.length < 2; at++)
    if (old.every(({ text: wanted }, index) => matches(text, text.lines[at + index]!, wanted, same))) places.push(at);
  return places;
}

function matches(text: Text, line: string, wanted: string, same: Same): boolean {
  text.effort.comparisons += 1 + ((line.length + wanted.length) >> 8);
  if (text.effort.comparisons > MAX_COMPARISONS)
    throw new ReeveError('invalid_request', `patch: ${JSON.stringify(text.path)} takes too long to be searched`);
  return same(line, wanted);
}

/** Says which line of a hunk does not match, at the place where most of its lines do. */
function mismatch(text: Text, hunk: Hunk, old: readonly HunkLine[], from: number): ReeveError {
  let best = { at: from, fit: 0 };
  for (let at = from; at < text.lines.length; at++) {
    let fit = 0;
    while (fit < old.length && matches(text, text.lines[at + fit] ?? '\n', old[fit]!.text, loosely)) fit += 1;
    if (fit > best.fit) best = { at, fit };
  }
  const { at, fit } = best;
  const wanted = old[fit];
  // All of it is there, but not at the end, where it must be.
  if (wanted === undefined) return refused(text.path, hunk.at, `is not at the end of the file, but at line ${at + 1}`);
  const found = text.lines[at + fit];
  const where =
    fit === 0
      ? `is nowhere in the file${from > 0 ? ` after line ${from}, where the change before it ends` : ''}`
      : `does not match: line ${at + fit + 1} of the file ${found === undefined ? 'does not exist' : `is ${shown(found)}`}`;
  return refused(text.path, wanted.at, `(${shown(wanted.text)}) ${where}; read the file and copy its lines exactly`);
}

function shown(line: string): string {
  return JSON.stringify(line.length > 200 ? `${line.slice(0, 200).toWellFormed()}…` : line);
}

function refused(path: string, line: number, message: string): ReeveError {
  return new ReeveError('invalid_request', `patch for ${JSON.stringify(path)}: line ${line} ${message}`);
}
