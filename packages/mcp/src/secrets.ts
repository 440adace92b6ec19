import { MASKED, patternOfSecrets } from '@reeve/kit';
import type { Target } from './server.ts';

/** Removes secrets that a server was sent from its output: from a text, or from every string and key of a JSON value. */
export interface Redact {
  (output: string): string;
  (output: unknown): unknown;
}

/** Shorter values are ordinary words, such as a region. */
const SHORTEST = 8;

/**
 * Redacts the values of headers, query parameters and variables, whole or in parts, also in their JSON and URL encodings.
 * Text that merely looks like a secret stays: it may be the requested result.
 */
export function redactSecrets(target: Target): Redact {
  const sent = patternOfSecrets(secretsSentTo(target), SHORTEST);
  if (sent === undefined) return ((output: unknown) => output) as Redact;
  return ((output: unknown) => mapTexts(output, (text) => text.replace(sent, MASKED))) as Redact;
}

/** Each value that the server receives, and its parts. */
export function secretsSentTo(target: Target): string[] {
  const values =
    target.transport === 'http'
      ? [...Object.values(target.headers), ...new URL(target.url).searchParams.values()]
      : Object.values(target.env);
  return values.flatMap((value) => [value, ...value.split(/\s+/)]);
}

function mapTexts(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === 'string') return map(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, map));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [map(key), mapTexts(item, map)]));
}
