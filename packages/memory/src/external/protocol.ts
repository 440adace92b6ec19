import { isUuidShaped, ReeveError } from '@reeve/kit';
import { z } from 'zod';
import type { ExternalHit } from './answer.ts';

/*
 * What the backend answers, as far as it is looked at. Its versions name the same thing in two ways here and there: a coordinate is
 * a list of numbers, or their text; what was stored is a hit's `payload`, or its `content`.
 */

/** The backend’s position of a memory, by which it is deleted. */
export type Coordinate = readonly [number, number, number];

/** Hits of one answer that are looked at. */
const MOST_HITS = 200;

const Place = z.tuple([z.number(), z.number(), z.number()]);
const Remembered = z.object({
  ok: z.boolean().optional(),
  coordinate: Place.nullish(),
  coord: z.string().nullish(),
});
const Found = z.object({ results: z.array(z.unknown()), degraded: z.boolean().nullish() });
const Stored = z.object({ key: z.string().optional(), id: z.string().optional() });
const Hit = z.object({ score: z.number(), payload: z.unknown().optional(), content: z.unknown().optional() });
const Forgotten = z.object({ ok: z.boolean().optional(), error: z.string().nullish() });

/** The coordinate of a stored memory. Throws `malformed_answer` without one: it was not stored, or could never be deleted. */
export function readRemembered(answer: unknown): Coordinate {
  const { data } = Remembered.safeParse(answer);
  const coordinate = data?.coordinate ?? coordinateFrom(data?.coord ?? '');
  if (data?.ok === false || coordinate === undefined)
    throw new ReeveError('malformed_answer', 'the external memory did not return where it stored the memory');
  return coordinate;
}

/**
 * The hits of a search, the best first, each memory once. One that names no memory of ours is left out. Throws `malformed_answer` for what is no
 * answer, and for one that its long-term memory has no part in.
 */
export function readFound(answer: unknown): ExternalHit[] {
  const { data } = Found.safeParse(answer);
  if (data === undefined)
    throw new ReeveError('malformed_answer', 'the external memory answers a search with something else');
  if (data.degraded === true)
    throw new ReeveError('malformed_answer', 'the external memory answers without its long-term memory');
  const best = new Map<string, number>();
  for (const one of data.results.slice(0, MOST_HITS)) {
    const hit = hitFrom(one);
    if (hit !== undefined) best.set(hit.id, Math.max(hit.score, best.get(hit.id) ?? -Infinity));
  }
  return [...best].map(([id, score]) => ({ id, score })).sort((one, other) => other.score - one.score);
}

/** Throws `malformed_answer` if an existing memory was not deleted; a missing one is fine. */
export function readForgotten(answer: unknown): void {
  const { data } = Forgotten.safeParse(answer);
  if (data?.ok === false && !/not found/i.test(data.error ?? ''))
    throw new ReeveError('malformed_answer', 'the external memory did not delete the memory');
}

/** A coordinate as it is kept: its numbers with commas between them. */
export function coordinateText(coordinate: Coordinate): string {
  return coordinate.join(',');
}

/** Undefined unless it is three numbers. */
export function coordinateFrom(text: string): Coordinate | undefined {
  return Place.safeParse(text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))).data;
}

function hitFrom(one: unknown): ExternalHit | undefined {
  const hit = Hit.safeParse(one).data;
  const stored = Stored.safeParse(hit?.payload).data ?? Stored.safeParse(hit?.content).data;
  const id = stored?.key ?? stored?.id;
  if (hit === undefined || id === undefined || !isUuidShaped(id)) return undefined;
  return { id: id.toLowerCase(), score: hit.score };
}
