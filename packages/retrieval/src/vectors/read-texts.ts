import type { Tx } from '@reeve/db';
import type { IndexedText } from '../text.ts';

/**
 * Reads texts of a tenant's spaces of one kind, as they are in this transaction, by their refs. Callers of this package own the texts;
 * the index stores only their terms and vectors. Refs whose text no longer exists are left out of the result.
 */
export type ReadTexts = (
  tx: Tx,
  spaces: { readonly tenantId: string; readonly kind: string },
  refs: readonly string[],
) => Promise<readonly Pick<IndexedText, 'ref' | 'fields' | 'embeddingInput'>[]>;
