import { recordAudit } from '@reeve/audit';
import type { Tx } from '@reeve/db';
import { clearSpace, lockSpace, unindexTexts } from '@reeve/retrieval';
import type { Requester } from '../session.ts';
import { deleteAllMemories } from './export-store.ts';
import { findSpaces } from '../spaces.ts';

/** Deletes all memories of a tenant or persona, with their index entries, and returns their number. */
export async function forgetAll(
  tx: Tx,
  { tenantId, userId: actor, traceId }: Requester,
  personaId: string | undefined,
): Promise<number> {
  const wanted = { tenantId, ...(personaId !== undefined && { personaId }), kinds: ['memory'] as const };
  const spaces = await findSpaces(tx, wanted);
  for (const space of spaces) await lockSpace(tx, space);
  const gone = await deleteAllMemories(tx, tenantId, personaId);
  for (const space of spaces) await clearSpace(tx, space);
  // A space created since: only entries of the deleted memories are removed.
  const cleared = new Set(spaces.map(({ id }) => id));
  for (const space of await findSpaces(tx, wanted)) if (!cleared.has(space.id)) await unindexTexts(tx, space, gone);
  if (gone.length === 0) return 0;
  const details = { deleted: gone.length, ...(personaId !== undefined && { persona: personaId }) };
  await recordAudit(tx, [{ tenantId, actor, action: 'MEMORIES_DELETED', traceId, details }]);
  return gone.length;
}
