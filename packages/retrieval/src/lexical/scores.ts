/** The scores of a space's entries. Only the stretches of numbers in which something was found take memory. */
export interface Scores {
  /** Adds to the score of an entry and counts one more term that it has. */
  readonly add: (entry: number, score: number) => void;
  /** How many entries have a score. */
  readonly size: () => number;
  readonly each: (read: (entry: number, score: number, matched: number) => void) => void;
}

const BITS = 12;
const STRETCH = 2 ** BITS;

export function createScores(): Scores {
  const stretches = new Map<number, ReturnType<typeof createStretch>>();
  let at = -1;
  let size = 0;
  let scores = new Float64Array();
  let matched = new Uint16Array();
  return {
    add(entry, score) {
      const wanted = entry >> BITS;
      if (wanted !== at) {
        at = wanted;
        ({ scores, matched } = stretches.get(wanted) ?? createStretch());
        stretches.set(wanted, { scores, matched });
      }
      const place = entry & (STRETCH - 1);
      if (matched[place] === 0) size += 1;
      scores[place]! += score;
      matched[place]! += 1;
    },
    size: () => size,
    each(read) {
      for (const [stretch, found] of stretches)
        for (let place = 0; place < STRETCH; place += 1)
          if (found.matched[place]! > 0) read(stretch * STRETCH + place, found.scores[place]!, found.matched[place]!);
    },
  };
}

function createStretch() {
  return { scores: new Float64Array(STRETCH), matched: new Uint16Array(STRETCH) };
}
