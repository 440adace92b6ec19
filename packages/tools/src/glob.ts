import { ReeveError } from '@reeve/kit';

/**
 * Compiles a glob pattern over paths with "/": `*` and `?` within a name, `**` over any number of directories (at the end: all below),
 * `[a-z]` and `[!a-z]`, `{a,b}`, and `\` before a character that is meant as itself. Matching takes time proportional
 * to pattern times path; a regular expression made from a hostile pattern does not. Throws `invalid_request` where
 * braces make more than 100 patterns.
 */
export function compileGlob(pattern: string): (path: string) => boolean {
  const alternatives = expandBraces(pattern).map((each) =>
    each
      .replace(/(^|\/)\*\*$/, '$&/*')
      .split('/')
      .map(parseName),
  );
  return (path) => {
    const names = path.split('/').map((name) => [...name]);
    return alternatives.some((parts) =>
      matchSequence(parts, names, (part, name) => matchSequence(part as readonly Token[], name, matchCharacter)),
    );
  };
}

/** One character of a name: `ANY_NUMBER` for a star, or what the character must be. */
type Token = typeof ANY_NUMBER | ((character: string) => boolean);
const ANY_NUMBER = Symbol('any number of these');
const MAX_ALTERNATIVES = 100;

/** Matches a sequence with stars by remembering only the last one: never more than pattern times text steps. */
function matchSequence<Part, Item>(
  parts: readonly (Part | typeof ANY_NUMBER)[],
  items: readonly Item[],
  matches: (part: Exclude<Part, typeof ANY_NUMBER>, item: Item) => boolean,
): boolean {
  let [part, item, starAt, resumeAt] = [0, 0, -1, 0];
  while (item < items.length) {
    const current = parts[part];
    if (current === ANY_NUMBER) {
      [starAt, resumeAt] = [part, item];
      part += 1;
    } else if (part < parts.length && matches(current as Exclude<Part, typeof ANY_NUMBER>, items[item]!)) {
      part += 1;
      item += 1;
    } else if (starAt >= 0) {
      resumeAt += 1;
      [part, item] = [starAt + 1, resumeAt];
    } else return false;
  }
  return parts.slice(part).every((rest) => rest === ANY_NUMBER);
}

function matchCharacter(token: Exclude<Token, typeof ANY_NUMBER>, character: string): boolean {
  return token(character);
}

/** A name of the pattern as tokens, or `ANY_NUMBER` for `**`. */
function parseName(name: string): readonly Token[] | typeof ANY_NUMBER {
  if (name === '**') return ANY_NUMBER;
  const tokens: Token[] = [];
  const characters = [...name];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!;
    const end = character === '[' ? characters.indexOf(']', at + (characters[at + 1] === '!' ? 3 : 2)) : -1;
    if (character === '*') tokens.push(ANY_NUMBER);
    else if (character === '?') tokens.push(() => true);
    else if (end > 0) {
      tokens.push(parseClass(characters.slice(at + 1, end)));
      at = end;
    } else {
      const literal = character === '\\' && at + 1 < characters.length ? characters[++at]! : character;
      tokens.push((candidate) => candidate === literal);
    }
  }
  return tokens;
}

/** What stands between brackets: characters and ranges, `!` or `^` in front to turn it round. */
function parseClass(characters: readonly string[]): (character: string) => boolean {
  const negated = characters[0] === '!' || characters[0] === '^';
  const listed = negated ? characters.slice(1) : characters;
  const ranges: (readonly [string, string])[] = [];
  for (let at = 0; at < listed.length; at++) {
    const isRange = listed[at + 1] === '-' && at + 2 < listed.length;
    ranges.push([listed[at]!, listed[isRange ? at + 2 : at]!]);
    if (isRange) at += 2;
  }
  return (character) => ranges.some(([from, to]) => from <= character && character <= to) !== negated;
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
