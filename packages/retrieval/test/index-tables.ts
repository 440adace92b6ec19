import { randomUUID } from 'node:crypto';
import { inTenant, type Database } from '@reeve/db';
import { sql } from 'kysely';
import { indexTexts } from '../src/lexical/write.ts';
import { ensureSpace } from '../src/space.ts';
import type { IndexedText } from '../src/text.ts';
import type { ReadTexts } from '../src/vectors/read-texts.ts';

/** Empties all tables of the index. */
export async function emptyIndex({ db }: Pick<Database, 'db'>): Promise<void> {
  await sql`truncate embeddings, embedding_progress, embedding_spaces, lexical_spaces, lexical_entries, lexical_terms,
    lexical_blocks, removed_spaces cascade`.execute(db);
}

/** Throws where the number of vectors that a space counts differs from those it has. */
export async function checkCounts({ db }: Pick<Database, 'db'>): Promise<void> {
  const { rows } = await sql`
    select p.* from embedding_progress p where vectors <> (
      select count(*) from embeddings v where v.embedding_id = p.embedding_id and v.space_id = p.space_id
    )`.execute(db);
  if (rows.length > 0) throw new Error(`counted wrong: ${JSON.stringify(rows)}`);
}

/** Runs work in the tenant `default`, or in another. */
export function asTenant<T>(
  database: Pick<Database, 'db'>,
  work: Parameters<typeof inTenant<T>>[2],
  tenantId = 'default',
) {
  return inTenant(database.db, tenantId, work);
}

/** Texts that a test owns, as a domain's tables would hold them. */
export interface TestTexts {
  readonly read: ReadTexts;
  /** Stores a text and indexes it in the tenant's space of the kind `memory`; returns its ref. */
  add(text: string, tenantId?: string, ref?: string): Promise<string>;
  clear(): void;
}

export function createTestTexts(database: () => Pick<Database, 'db'>): TestTexts {
  const texts = new Map<string, IndexedText>();
  return {
    read: async (_tx, _spaces, refs) => refs.flatMap((ref) => texts.get(ref) ?? []),
    async add(text, tenantId = 'default', ref = randomUUID()) {
      const indexed = { ref, fields: [{ text, weight: 1 }] };
      texts.set(ref, indexed);
      await asTenant(
        database(),
        async (tx) => indexTexts(tx, await ensureSpace(tx, { tenantId, ownerId: null, kind: 'memory' }), [indexed]),
        tenantId,
      );
      return ref;
    },
    clear: () => texts.clear(),
  };
}
