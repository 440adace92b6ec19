import { qualifiedName } from '../model-name.ts';
import type { CalledModel } from '../targets.ts';

/** Something that a gateway has once for each provider and model. */
export interface PerModel<Entry> {
  /** The entry of a model, created at the first call. */
  of(target: CalledModel): Entry;
  /** All entries by the qualified names of their models, the oldest first. */
  entries(): IterableIterator<[string, Entry]>;
}

/** Model names come from requests, so the number of entries is bounded. */
const MAX_ENTRIES = 1_000;

/** Where there are too many entries, the oldest that is idle is dropped for a new one. */
export function createPerModel<Entry>(
  create: (target: CalledModel, name: string) => Entry,
  isIdle: (entry: Entry) => boolean,
): PerModel<Entry> {
  const entries = new Map<string, Entry>();
  return {
    of(target) {
      const name = qualifiedName(target);
      const found = entries.get(name);
      if (found !== undefined) return found;
      if (entries.size >= MAX_ENTRIES) {
        const idle = [...entries].find(([, entry]) => isIdle(entry));
        if (idle !== undefined) entries.delete(idle[0]);
      }
      const entry = create(target, name);
      entries.set(name, entry);
      return entry;
    },
    entries: () => entries.entries(),
  };
}
