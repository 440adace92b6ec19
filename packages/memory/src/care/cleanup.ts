import type { CleanupProposal } from '@reeve/contract';
import { inTenant, type Db } from '@reeve/db';
import { isLasting, selectForCleanup, type CleanupRange, type CleanupRow } from './cleanup-store.ts';
import { relate, type Related } from './relate.ts';
import { findSpaces } from '../spaces.ts';

/** Proposals for some memories, and where to continue; `next` is null at the end. */
export interface CleanupPlan {
  proposals: CleanupProposal[];
  looked_at: number;
  next: string | null;
}

/**
 * Looks at some memories, the oldest first, and proposes which could go: those that another one came in the place of, or says the
 * opposite of without being linked, those that say what an older one says, and facts from conversations that are older than so many
 * days. Changes nothing. Each memory is compared in a transaction of its own, since others wait for the embedded database meanwhile.
 * Throws the signal's reason where that aborts.
 */
export async function proposeCleanup(
  db: Db,
  tenantId: string,
  range: CleanupRange,
  signal: AbortSignal,
): Promise<CleanupPlan> {
  const memories = await inTenant(db, tenantId, (tx) => selectForCleanup(tx, tenantId, range));
  const proposals = new Map<string, CleanupProposal>();
  const propose = (kind: CleanupProposal['kind'], id: string, inFavorOf: string | null) => {
    if (!proposals.has(id)) proposals.set(id, { kind, memory_id: id, in_favor_of: inFavorOf });
  };
  for (const memory of memories) {
    signal.throwIfAborted();
    const { id, superseded_by: newer, is_stale: isStale } = memory;
    if (newer !== null) {
      propose('superseded', id, newer);
      continue;
    }
    const { staying, older } = await compare(db, tenantId, memory, range.staleDays);
    if (staying !== undefined && !proposals.has(staying)) propose('duplicate', id, staying);
    else if (isStale) propose('stale', id, null);
    for (const other of older) if (other < id && !proposals.has(id)) propose('contradicted', other, id);
  }
  const end = memories.length < range.limit ? undefined : memories.at(-1);
  return { proposals: [...proposals.values()], looked_at: memories.length, next: end?.id ?? null };
}

/** How a memory relates to the others; `staying` is an older one with the same content that is itself not proposed. */
async function compare(
  db: Db,
  tenantId: string,
  { id, text, persona_id: personaId }: CleanupRow,
  staleDays: number,
): Promise<Pick<Related, 'older'> & { readonly staying: string | undefined }> {
  return inTenant(db, tenantId, async (tx) => {
    const [space] = await findSpaces(tx, { tenantId, personaId, kinds: ['memory'] });
    if (space === undefined) return { staying: undefined, older: [] };
    const { same, older } = await relate(tx, space, text, id);
    // A contradicted memory in between is proposed itself, so this one repeats a current fact.
    const isStaying =
      same !== undefined &&
      same < id &&
      !older.some((other) => same < other && other < id) &&
      (await isLasting(tx, tenantId, same, staleDays));
    return { staying: isStaying ? same : undefined, older };
  });
}
