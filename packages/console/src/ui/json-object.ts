import { faultOffset } from './json-scan.ts';

/** What is wrong with a JSON text, and in which line where that is known; lines count from 1. */
export interface JsonFault {
  readonly message: string;
  readonly line: number | undefined;
}

/** Reads a JSON object that a person types; nothing at all stands for `{}`. Says what is wrong otherwise. */
export function readJsonObject(
  text: string,
): { readonly value: Record<string, unknown> } | { readonly fault: JsonFault } {
  if (text.trim() === '') return { value: {} };
  const read = readJson(text);
  if ('fault' in read) return read;
  const { value } = read;
  return value !== null && typeof value === 'object' && !Array.isArray(value)
    ? { value: value as Record<string, unknown> }
    : { fault: { message: 'must be a JSON object, such as {"task": "…"}', line: undefined } };
}

/** Reads any JSON that a person types. Says what is wrong otherwise. */
export function readJson(text: string): { readonly value: unknown } | { readonly fault: JsonFault } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { fault: faultOf(text, error instanceof Error ? error.message : String(error)) };
  }
}

/** The engine says what, in its own words; where, it says only sometimes. */
function faultOf(text: string, said: string): JsonFault {
  const what = said
    .replace(/^JSON\.parse: /, '')
    .replace(/,? ?(["'.].*["'.] is not valid JSON|(in JSON )?at (position|line) .*)$/s, '');
  const line = text.slice(0, faultOffset(text.trimEnd()) ?? text.length).split('\n').length;
  return { message: `must be JSON: line ${line}: ${what}`, line };
}
