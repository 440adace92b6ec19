import type { RecallMatch } from '@reeve/contract';

/** Something found, and how well it fits. */
interface Ranked {
  readonly match: RecallMatch;
}

/**
 * The same order, but before each memory that another one came in the place of stands that other one, also where the ranking has
 * not found it. `fetch` answers memories by id, without those whose time is over.
 */
export async function newestFirst<Found extends Ranked>(
  found: readonly Found[],
  fetch: (ids: readonly string[]) => Promise<readonly RecallMatch[]>,
): Promise<Found[]> {
  const known = new Map(found.map((one) => [one.match.id, one.match]));
  let missing = missingFrom(known);
  // One step a round: a memory that supersedes another may be superseded itself.
  while (missing.length > 0) {
    const fetched = await fetch(missing);
    for (const match of fetched) known.set(match.id, match);
    const gone = missing.filter((id) => !known.has(id));
    for (const [id, match] of known)
      if (match.superseded_by !== null && gone.includes(match.superseded_by))
        known.set(id, { ...match, superseded_by: null });
    missing = fetched.length === 0 ? [] : missingFrom(known);
  }
  const placed = new Map<string, Found>();
  for (const one of found) {
    const chain: RecallMatch[] = [];
    for (
      let at = known.get(one.match.id);
      at !== undefined && !placed.has(at.id) && !chain.includes(at);
      at = known.get(at.superseded_by ?? '')
    )
      chain.unshift(at);
    for (const match of chain) placed.set(match.id, { ...one, match: { ...match, score: one.match.score } });
  }
  return [...placed.values()];
}

function missingFrom(known: ReadonlyMap<string, RecallMatch>): string[] {
  const wanted = [...known.values()].map(({ superseded_by: id }) => id).filter((id) => id !== null);
  return [...new Set(wanted)].filter((id) => !known.has(id));
}
