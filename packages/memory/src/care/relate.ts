import type { Tx } from '@reeve/db';
import { rankTexts, type Space } from '@reeve/retrieval';
import { relationOf } from './likeness.ts';
import { selectKnown } from './store.ts';

/** Memories that a new one is compared with: those that share the most telling words with it. */
const CANDIDATES = 20;
/** UTF-16 units of comparable texts: longer ones are hardly facts and are compared by digest only. */
const LONGEST = 2_000;

/** How a new text relates to existing memories. */
export interface Related {
  /** The memory that already contains all of it. */
  readonly same: string | undefined;
  /** The memories that it supersedes. */
  readonly older: string[];
}

/**
 * Compares a text with the memories of a space, beside itself. Its caller has locked the space, so that of two who remember the
 * same at once the second one sees the first one's.
 */
export async function relate(tx: Tx, space: Space, text: string, itself?: string): Promise<Related> {
  if (text.length > LONGEST) return { same: undefined, older: [] };
  const ranked = await (await rankTexts(tx, [space], text)).take(CANDIDATES);
  const ids = ranked.map(({ ref }) => ref).filter((id) => id !== itself);
  if (ids.length === 0) return { same: undefined, older: [] };
  const known = (await selectKnown(tx, space.tenantId, ids)).filter((one) => one.text.length <= LONGEST);
  const related = known.map((one) => ({ ...one, relation: relationOf(text, one.text) }));
  const same = related
    .filter(({ relation }) => relation === 'same')
    // A current memory is preferred to a superseded one.
    .sort(
      (one, other) =>
        Number(one.superseded_by !== null) - Number(other.superseded_by !== null) || order(one.id, other.id),
    );
  const older = related.filter(({ relation }) => relation === 'changed' || relation === 'fuller');
  return { same: same[0]?.id, older: older.map(({ id }) => id).sort() };
}

function order(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
