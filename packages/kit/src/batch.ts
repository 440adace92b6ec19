/**
 * Gathers single calls into batches: while one batch is being worked on the next one fills, so that nobody waits for a
 * timer and a busy caller shares its work with the others. `work` answers one result for each item, in their order. Where
 * it throws, every item of the batch is tried by itself, so that one bad item fails alone; errors that `together`
 * accepts, such as a lost connection, fail the whole batch instead.
 */
export function createBatcher<Item, Result>(
  work: (items: readonly Item[]) => Promise<readonly Result[]>,
  { limit, together }: { limit: number; together: (error: unknown) => boolean },
): (item: Item) => Promise<Result> {
  let waiting: { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void }[] = [];
  let working = false;

  async function flush(): Promise<void> {
    working = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, limit);
      waiting = waiting.slice(limit);
      try {
        const results = await work(batch.map(({ item }) => item));
        for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result);
      } catch (error) {
        if (batch.length === 1 || together(error)) for (const { reject } of batch) reject(error);
        else
          for (const { item, resolve, reject } of batch)
            await work([item]).then(([result]) => resolve(result as Result), reject);
      }
    }
    working = false;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      // Begun after this turn of the event loop's microtasks, so that calls made together go together.
      if (!working) {
        working = true;
        queueMicrotask(() => void flush());
      }
    });
}
