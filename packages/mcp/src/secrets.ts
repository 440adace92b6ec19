import { MASKED, patternOfSecrets } from '@reeve/kit';
import type { Target } from './server.ts';

/** Takes what a server was sent out of what it says: out of a text, or out of every text and key of a JSON value. */
export interface Hide {
  (said: string): string;
  (said: unknown): unknown;
}

/** Shorter ones are words that a server says of itself, such as a region. */
const SHORTEST = 8;

/**
 * Hides the values of headers, of an address's query and of variables, whole or in their parts, also where they are written as in
 * JSON or in an address. What only looks like a secret stays: a result that has some is the answer that was asked for.
 */
export function hideSent(target: Target): Hide {
  const sent = patternOfSecrets(sentTo(target), SHORTEST);
  if (sent === undefined) return ((said: unknown) => said) as Hide;
  return ((said: unknown) => mapTexts(said, (text) => text.replace(sent, MASKED))) as Hide;
}

/** Each value that a server is given, and its parts. */
export function sentTo(target: Target): string[] {
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
