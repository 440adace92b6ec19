import { setImmediate as breathe } from 'node:timers/promises';
import { ReeveError } from '@reeve/kit';

/**
 * Compiles a glob pattern over paths with "/": `*` and `?` within a name, `**` over any number of directories (at the end: all below),
 * `[a-z]` and `[!a-z]`, `{a,b}`, and `\` before a character that is meant as itself. Matching takes time proportional
 * to pattern times path; a regular expression made from a hostile pattern does not. Throws `invalid_request` where
 * braces make more than 100 patterns, and when matching takes more steps than one path, or all paths of a call, may cost.
 */
export function compileGlob(pattern: string): (path: string) => boolean {
  const steps: Steps = { ofPath: 0, ofAll: 0 };
  const alternatives = expandBraces(pattern).map((each) =>
    each
      .replace(/(^|\/)\*\*$/, '$&/*')
      .split('/')
      .map((name) => parseName(name, steps)),
  );
  return (path) => {
    steps.ofPath = 0;
    spend(steps, path.length);
    const names = path.split('/').map((name) => [...name]);
    const matches = alternatives.some((parts) =>
      matchSequence(
        parts,
        names,
        (part, name) => matchSequence(part as readonly Token[], name, matchCharacter, steps),
        steps,
      ),
    );
    steps.ofAll += steps.ofPath;
    return matches;
  };
}

/**
 * The paths that are wanted, in their order. The event loop has its turn every few milliseconds; throws the signal's reason where
 * it aborts, and what `isWanted` throws.
 */
export async function matchingPaths(
  paths: readonly string[],
  isWanted: (path: string) => boolean,
  signal: AbortSignal,
): Promise<string[]> {
  const found: string[] = [];
  let since = performance.now();
  for (const path of paths) {
    if (performance.now() - since > SLICE_MS) {
      await breathe();
      since = performance.now();
    }
    signal.throwIfAborted();
    if (isWanted(path)) found.push(path);
  }
  return found;
}

/** One character of a name: `ANY_NUMBER` for a star, or what the character must be. */
type Token = typeof ANY_NUMBER | ((character: string) => boolean);
const ANY_NUMBER = Symbol('any number of these');
const MAX_ALTERNATIVES = 100;
/** Some hundredths of a second. */
const MAX_STEPS_OF_PATH = 2_000_000;
/** Some seconds; ten alternatives on 50,000 paths of 80 characters take a twelfth. */
const MAX_STEPS = 100_000_000;
const SLICE_MS = 10;

/** What matching has cost so far, in comparisons. */
interface Steps {
  ofPath: number;
  ofAll: number;
}

function spend(steps: Steps, count: number): void {
  steps.ofPath += count;
  if (steps.ofPath > MAX_STEPS_OF_PATH || steps.ofAll + steps.ofPath > MAX_STEPS)
    throw new ReeveError(
      'invalid_request',
      'pattern: takes too long to be matched; give one with fewer stars and alternatives',
    );
}

/** Matches a sequence with stars by remembering only the last one: never more than pattern times text steps. */
function matchSequence<Part, Item>(
  parts: readonly (Part | typeof ANY_NUMBER)[],
  items: readonly Item[],
  matches: (part: Exclude<Part, typeof ANY_NUMBER>, item: Item) => boolean,
  steps: Steps,
): boolean {
  let part = 0;
  let item = 0;
  let starAt = -1;
  let resumeAt = 0;
  let taken = 0;
  for (; item < items.length; taken++) {
    const current = parts[part];
    if (current === ANY_NUMBER) {
      starAt = part;
      resumeAt = item;
      part += 1;
    } else if (part < parts.length && matches(current as Exclude<Part, typeof ANY_NUMBER>, items[item]!)) {
      part += 1;
      item += 1;
    } else if (starAt >= 0) {
      resumeAt += 1;
      part = starAt + 1;
      item = resumeAt;
    } else break;
  }
  spend(steps, taken);
  return item >= items.length && parts.slice(part).every((rest) => rest === ANY_NUMBER);
}

function matchCharacter(token: Exclude<Token, typeof ANY_NUMBER>, character: string): boolean {
  return token(character);
}

/** A name of the pattern as tokens, or `ANY_NUMBER` for `**`. */
function parseName(name: string, steps: Steps): readonly Token[] | typeof ANY_NUMBER {
  if (name === '**') return ANY_NUMBER;
  const tokens: Token[] = [];
  const characters = [...name];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!;
    const end = character === '[' ? characters.indexOf(']', at + (characters[at + 1] === '!' ? 3 : 2)) : -1;
    if (character === '*') tokens.push(ANY_NUMBER);
    else if (character === '?') tokens.push(() => true);
    else if (end > 0) {
      tokens.push(parseClass(characters.slice(at + 1, end), steps));
      at = end;
    } else {
      const literal = character === '\\' && at + 1 < characters.length ? characters[++at]! : character;
      tokens.push((candidate) => candidate === literal);
    }
  }
  return tokens;
}

/** What stands between brackets: characters and ranges, `!` or `^` in front to turn it round. */
function parseClass(characters: readonly string[], steps: Steps): (character: string) => boolean {
  const negated = characters[0] === '!' || characters[0] === '^';
  const listed = negated ? characters.slice(1) : characters;
  const ranges: (readonly [string, string])[] = [];
  for (let at = 0; at < listed.length; at++) {
    const isRange = listed[at + 1] === '-' && at + 2 < listed.length;
    ranges.push([listed[at]!, listed[isRange ? at + 2 : at]!]);
    if (isRange) at += 2;
  }
  return (character) => {
    spend(steps, ranges.length);
    return ranges.some(([from, to]) => from <= character && character <= to) !== negated;
  };
}

/** `a{b,c{d,e}}` as `ab`, `acd`, `ace`. A brace without its partner or without a comma means itself. */
function expandBraces(pattern: string): string[] {
  const done: string[] = [];
  const pending = [pattern];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const brace = findBrace(next);
    if (brace === undefined) done.push(next);
    else
      for (const choice of brace.choices) pending.push(next.slice(0, brace.start) + choice + next.slice(brace.end + 1));
    if (done.length + pending.length > MAX_ALTERNATIVES) {
      throw new ReeveError('invalid_request', `pattern: its braces stand for more than ${MAX_ALTERNATIVES} patterns`);
    }
  }
  return done;
}

/** The first innermost pair of braces with a comma between them. */
function findBrace(pattern: string): { start: number; end: number; choices: string[] } | undefined {
  let start = -1;
  for (let at = 0; at < pattern.length; at++) {
    if (pattern[at] === '\\') at += 1;
    else if (pattern[at] === '{') start = at;
    else if (pattern[at] === '}' && start >= 0) {
      const choices = pattern.slice(start + 1, at).split(',');
      if (choices.length > 1) return { start, end: at, choices };
      start = -1;
    }
  }
  return undefined;
}
