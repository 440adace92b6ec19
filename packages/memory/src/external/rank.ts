import type { RecallMatch } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { isUuidShaped } from '@reeve/kit';
import type { Fused } from '@reeve/retrieval';
import type { ExternalHit } from './answer.ts';
import { selectInStep } from './store.ts';

/*
 * The backend's ranking with what it cannot know put in. Of its hits those count that are memories of ours as they are now. A memory
 * that it has yet to be told of, and a message, stands where the built-in ranking has it; what the built-in ranking has beside that comes last.
 */

/** A score below which nothing is close. */
const FAR = 0.25;

/**
 * Ranks what the backend and the built-in search found, the best first; scores descend, and are the backend's where it has one. `find`
 * answers those of some memories that may be answered, by their ids.
 */
export async function rankExternal(
  tx: Tx,
  tenantId: string,
  hits: readonly ExternalHit[],
  builtIn: readonly Fused<RecallMatch>[],
  find: (refs: readonly string[]) => Promise<ReadonlyMap<string, RecallMatch>>,
): Promise<Fused<RecallMatch>[]> {
  const ids = hits.map(({ id }) => id);
  const refs = builtIn.map(({ match }) => match.id).filter(isUuidShaped);
  const inStep = await selectInStep(tx, tenantId, [...ids, ...refs]);
  const matches = await find(ids.filter((id) => inStep.has(id)));
  const isClose = closeness(hits);
  const known = new Map(builtIn.map((one) => [one.match.id, one]));
  const ranked = hits.flatMap(({ id, score }): Fused<RecallMatch>[] => {
    const match = matches.get(id);
    if (match === undefined) return [];
    const { matched = 0, isClose: wasClose = false } = known.get(id) ?? {};
    return [{ match: { ...match, score }, score, matched, isClose: wasClose || isClose(score) }];
  });
  return scored(merge(ranked, builtIn, inStep));
}

/** Memories that the backend does not know yet keep their built-in rank; the rest of the built-in ranking comes last. */
export function merge<One extends { readonly match: { readonly id: string } }>(
  ranked: readonly One[],
  builtIn: readonly One[],
  inStep: ReadonlySet<string>,
): { one: One; isExternal: boolean }[] {
  const there = new Set(ranked.map(({ match }) => match.id));
  const merged = ranked.map((one) => ({ one, isExternal: true }));
  for (const [place, one] of builtIn.entries())
    if (!inStep.has(one.match.id)) merged.splice(place, 0, { one, isExternal: false });
  for (const one of builtIn)
    if (inStep.has(one.match.id) && !there.has(one.match.id)) merged.push({ one, isExternal: false });
  return merged;
}

/** The built-in scores are on another scale: one of them becomes that of the next hit, or its share of that of the last. */
function scored(merged: readonly { one: Fused<RecallMatch>; isExternal: boolean }[]): Fused<RecallMatch>[] {
  const last = merged.findLast(({ isExternal }) => isExternal)?.one.score;
  if (last === undefined) return merged.map(({ one }) => one);
  const best = Math.max(...merged.filter(({ isExternal }) => !isExternal).map(({ one }) => one.score));
  let next: number | undefined;
  let least = last;
  const scores = merged
    .toReversed()
    .map(({ one, isExternal }) => {
      if (isExternal) next = one.score;
      return next;
    })
    .toReversed();
  return merged.map(({ one, isExternal }, at) => {
    if (isExternal) return one;
    least = Math.min(least, last * (best > 0 ? one.score / best : 1));
    const score = scores[at] ?? least;
    return { ...one, score, match: { ...one.match, score } };
  });
}

/** As with vectors: in the upper half of the scores, and close to the best. */
function closeness(hits: readonly ExternalHit[]): (score: number) => boolean {
  const [best = 0, worst = 0] = [hits[0]?.score, hits.at(-1)?.score];
  const least = Math.max(FAR, hits.length < 2 ? FAR : (best + worst) / 2);
  return (score) => score >= least;
}
