import { RE2JS } from 're2js';

/** Instructions of a compiled pattern: with text of some ten thousand characters it is matched in a fraction of a second. */
const LARGEST = 300;

/** A regular expression whose time grows with the length of a text, whatever it and the text are. */
export interface LinearPattern {
  readonly source: string;
  test(text: string): boolean;
  /** Where it matches, in order, at most `limit` times; matches of nothing are left out. */
  find(text: string, limit: number): { readonly start: number; readonly end: number }[];
}

/**
 * Compiles a pattern that somebody else wrote, in the syntax of RE2 (no look-around and no back references; `(?i)` in front
 * for both cases). Answers what is wrong with it where it is none, takes too many instructions, or matches an empty text without
 * `mayBeEmpty`.
 */
export function compileLinear(
  source: string,
  { mayBeEmpty = false }: { readonly mayBeEmpty?: boolean } = {},
): LinearPattern | { readonly problem: string } {
  let pattern: RE2JS;
  try {
    pattern = RE2JS.compile(source);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { problem: `is no regular expression as RE2 reads them: ${why}` };
  }
  if (pattern.programSize() > LARGEST) return { problem: 'is too large: repeat less, or write it as several patterns' };
  if (!mayBeEmpty && pattern.test('')) return { problem: 'must not match an empty text' };
  return {
    source,
    test: (text) => pattern.test(text),
    find(text, limit) {
      const found: { start: number; end: number }[] = [];
      const matcher = pattern.matcher(text);
      while (found.length < limit && matcher.find())
        if (matcher.end() > matcher.start()) found.push({ start: matcher.start(), end: matcher.end() });
      return found;
    },
  };
}
