/** A process that uses a model: how many slots it has leased, and how many calls it wants to make. */
export interface SlotUser {
  readonly processId: string;
  readonly leased: number;
  readonly wanted: number;
}

/** What one process may have. */
export interface Allotment {
  /** Calls that it may have in flight. */
  readonly slots: number;
  /** What it leases: calls that already run keep their slots until they end. */
  readonly leased: number;
}

/**
 * The slots of one process among all that use a model: its fair share of the limit, as far as the others have given
 * slots back. What all lease together never grows beyond the limit. Where processes outnumber the slots they take turns: `turn`
 * counts up. A process alone gets the whole limit.
 */
export function allotSlots(
  limit: number,
  own: SlotUser & { readonly running: number },
  others: readonly SlotUser[],
  turn: number,
): Allotment {
  const elsewhere = others.reduce((sum, { leased }) => sum + leased, 0);
  const share = others.length === 0 ? limit : fairShare(limit, own, others, turn);
  const slots = Math.max(0, Math.min(share, limit - elsewhere));
  return { slots, leased: Math.max(slots, own.running) };
}

/** One slot after another to each process that wants more, beginning with the one whose turn it is. */
function fairShare(limit: number, own: SlotUser, others: readonly SlotUser[], turn: number): number {
  const users = [own, ...others]
    .filter(({ wanted }) => wanted > 0)
    .toSorted((a, b) => (a.processId < b.processId ? -1 : 1));
  const first = users.length === 0 ? 0 : turn % users.length;
  const inTurn = [...users.slice(first), ...users.slice(0, first)];
  const shares = new Map(inTurn.map(({ processId }) => [processId, 0]));
  for (let left = limit; left > 0;) {
    const hungry = inTurn.filter(({ processId, wanted }) => shares.get(processId)! < wanted).slice(0, left);
    if (hungry.length === 0) break;
    for (const { processId } of hungry) shares.set(processId, shares.get(processId)! + 1);
    left -= hungry.length;
  }
  return shares.get(own.processId) ?? 0;
}
