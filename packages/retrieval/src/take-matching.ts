/** The largest page, reached if few texts match. */
const LARGEST_PAGE = 3_200;

/**
 * Takes the best `count` texts of a ranking that the caller accepts, each with its match. `take` returns the ranking's next texts,
 * fewer only at its end; `find` returns the matches of accepted texts by their refs.
 */
export async function takeMatching<Text extends { readonly ref: string }, Match>(
  take: (count: number) => Promise<readonly Text[]>,
  find: (refs: readonly string[]) => Promise<ReadonlyMap<string, Match>>,
  count: number,
): Promise<(Text & { readonly match: Match })[]> {
  const kept: (Text & { readonly match: Match })[] = [];
  for (let size = count; kept.length < count; size = Math.min(2 * size, LARGEST_PAGE)) {
    const page = await take(size);
    if (page.length === 0) break;
    const matches = await find(page.map(({ ref }) => ref));
    for (const text of page) {
      const match = matches.get(text.ref);
      if (match !== undefined && kept.length < count) kept.push({ ...text, match });
    }
    if (page.length < size) break;
  }
  return kept;
}
