import type { Db, Tx } from '@reeve/db';
import * as retrieval from '@reeve/retrieval';
import type { Space } from '@reeve/retrieval';

/** Kinds of spaces. `memory`, `message`: memories and messages; `playbook`: playbooks. The others: documents of a persona’s knowledge bases. */
export type SpaceKind = 'memory' | 'message' | 'domain' | 'body' | 'mind' | 'soul' | 'playbook';

/** Returns the space of this kind that a persona has (null: the one without a persona) and creates it if it is missing. */
export function ensureSpace(
  tx: Tx,
  { tenantId, personaId, kind }: { tenantId: string; personaId: string | null; kind: SpaceKind },
): Promise<Space> {
  return retrieval.ensureSpace(tx, { tenantId, ownerId: personaId, kind });
}

/** Finds a tenant's spaces of these kinds: those of one persona, those without a persona (null), or all of them (undefined). */
export function findSpaces(
  db: Db,
  { tenantId, personaId, kinds }: { tenantId: string; personaId?: string | null; kinds: readonly SpaceKind[] },
): Promise<Space[]> {
  return retrieval.findSpaces(db, { tenantId, kinds, ...(personaId !== undefined && { ownerId: personaId }) });
}
