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
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { fault: faultOf(text, error instanceof Error ? error.message : String(error)) };
  }
  return value !== null && typeof value === 'object' && !Array.isArray(value)
    ? { value: value as Record<string, unknown> }
    : { fault: { message: 'must be a JSON object, such as {"task": "…"}', line: undefined } };
}

/** Engines say where in their own ways: `at position 7 (line 2 column 3)`, `at line 2 column 3 of the JSON data`, or that it ends. */
function faultOf(text: string, said: string): JsonFault {
  const what = said
    .replace(/^JSON\.parse: /, '')
    .replace(/,? ?(\.\.\..*is not valid JSON|(in JSON )?at (position|line) .*)$/s, '');
  const line = /line (\d+)/.exec(said)?.[1];
  const position = /position (\d+)/.exec(said)?.[1];
  const at =
    line !== undefined
      ? Number(line)
      : position !== undefined
        ? text.slice(0, Number(position)).split('\n').length
        : /end of (JSON input|data)/.test(said)
          ? text.trimEnd().split('\n').length
          : undefined;
  return { message: `must be JSON: ${at === undefined ? '' : `line ${at}: `}${what}`, line: at };
}
