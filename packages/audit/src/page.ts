import type { Tx } from '@reeve/db';
import type { ChainPoint } from './chain.ts';
import { isAfter, selectBetween, selectLinks, type AuditPlace, type Link, type PlacedRow } from './chain-store.ts';

/** A link, and where the last one before it was. */
export type Point = ChainPoint & AuditPlace;

/** A link with the row that it is about, if it is there. */
export interface LinkedRow extends Link {
  readonly row: PlacedRow | undefined;
}

export interface ChainPage {
  /** In the order of their numbers. */
  readonly links: readonly LinkedRow[];
  /** Rows between the links that are about none of them, in the order of their places; the first ones, where there are many. */
  readonly others: readonly PlacedRow[];
}

/**
 * What a chain has behind a point, up to a number: at most `size` links. Links and rows are read side by side, since both lie in
 * the order of the chain, where it is whole.
 */
export async function readPage(tx: Tx, tenantId: string, after: Point, end: number, size: number): Promise<ChainPage> {
  const links = await selectLinks(tx, tenantId, after.number, Math.min(end, after.number + size));
  if (links.length === 0) return { links: [], others: [] };
  const farthest = links.reduce((one, other) => (isAfter(other, one) ? other : one));
  // One more row than there are links: if any is about none of them, one such is among these, before all that are left out.
  const rows = await selectBetween(tx, tenantId, after, farthest, links.length + 1);
  const unmet = new Map(rows.map((row) => [keyOf(row), row]));
  const linked = links.map((link) => {
    const key = keyOf(link);
    const row = unmet.get(key);
    unmet.delete(key);
    return { ...link, row };
  });
  return { links: linked, others: [...unmet.values()] };
}

function keyOf({ xid, position }: AuditPlace): string {
  return `${xid} ${position}`;
}
