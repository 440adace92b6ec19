import type { CleanupProposal } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { findSpaces } from '../lexical/space.ts';
import { selectForCleanup, type CleanupRange } from './cleanup-store.ts';
import { relate } from './relate.ts';

/** What is proposed of some memories, and where to go on; `next` is null at the end. */
export interface CleanupPlan {
  proposals: CleanupProposal[];
  looked_at: number;
  next: string | null;
}

/**
 * Looks at some memories, the oldest first, and proposes which could go: those that another one came in the place of, or says the
 * opposite of without being linked, those that say what an older one says, and facts from conversations that are older than so many
 * days. Changes nothing.
 */
export async function proposeCleanup(tx: Tx, tenantId: string, range: CleanupRange): Promise<CleanupPlan> {
  const memories = await selectForCleanup(tx, tenantId, range);
  const proposals = new Map<string, CleanupProposal>();
  const propose = (kind: CleanupProposal['kind'], id: string, inFavorOf: string | null) => {
    if (!proposals.has(id)) proposals.set(id, { kind, memory_id: id, in_favor_of: inFavorOf });
  };
  for (const { id, text, persona_id: personaId, superseded_by: newer, is_stale: isStale } of memories) {
    if (newer !== null) {
      propose('superseded', id, newer);
      continue;
    }
    const [space] = await findSpaces(tx, { tenantId, personaId, kinds: ['memory'] });
    const { same, older } = space === undefined ? { same: undefined, older: [] } : await relate(tx, space, text, id);
    // Of two, the one that is named in favor of must not itself be proposed.
    if (same !== undefined && same < id && !proposals.has(same)) propose('duplicate', id, same);
    else if (isStale) propose('stale', id, null);
    for (const other of older) if (other < id && !proposals.has(id)) propose('contradicted', other, id);
  }
  const end = memories.length < range.limit ? undefined : memories.at(-1);
  return { proposals: [...proposals.values()], looked_at: memories.length, next: end?.id ?? null };
}
