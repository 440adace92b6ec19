/** Endpoints and the queue append parameters to a request: a heading and JSON, at its end. */
const ATTACHED = /\n\n(?:Parameters|Payload):\n(\{[\s\S]*\})\s*$/;

/** Values longer than this are data, not part of what is asked. */
const VALUE_LENGTH = 2_000;

/**
 * Ways to read a request that may carry parameters, likeliest first: its words alone, then its words with each value,
 * so that “calculate” with `{"expression": "6 * 7"}` is understood. A request without parameters is read as it is.
 */
export function readings(text: string): readonly [string, ...string[]] {
  const found = ATTACHED.exec(text.slice(-200_000));
  if (found === null) return [text];
  const words = text.slice(0, text.length - found[0].length);
  return [words, ...valuesOf(found[1]!).map((value) => `${words} ${value}`)];
}

function valuesOf(json: string): string[] {
  try {
    const values = Object.values(JSON.parse(json) as Record<string, unknown>);
    return values
      .flatMap((value) => (typeof value === 'string' || typeof value === 'number' ? String(value) : []))
      .filter((value) => value.length <= VALUE_LENGTH)
      .slice(0, 20);
  } catch {
    return [];
  }
}
