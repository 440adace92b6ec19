import { inTenant, type Database } from '@reeve/db';
import { ensureSpace, indexTexts, rankTexts } from '@reeve/retrieval';
import { sql } from 'kysely';
import type { Contender } from '../contender.ts';

/** Reeve's lexical index as the product uses it: a transaction under row-level security for each query and each batch. */
export async function openReeve({ db, kind }: Database): Promise<Contender> {
  const tenantId = 'default';
  const space = await inTenant(db, tenantId, (tx) => ensureSpace(tx, { tenantId, ownerId: null, kind: 'domain' }));
  return {
    name: `Reeve on ${kind}`,
    add: (documents) =>
      inTenant(db, tenantId, (tx) =>
        indexTexts(
          tx,
          space,
          documents.map(({ id, text }) => ({ ref: id, fields: [{ text, weight: 1 }] })),
        ),
      ),
    search: (query, count) =>
      inTenant(db, tenantId, async (tx) => {
        const ranking = await rankTexts(tx, [space], query);
        return (await ranking.take(count)).map(({ ref }) => ref);
      }),
    async bytes() {
      const { rows } = await sql<{ bytes: number }>`
        select sum(pg_total_relation_size(oid))::bigint as bytes from pg_class where relkind = 'r' and relname like 'lexical%'`.execute(
        db,
      );
      return rows[0]!.bytes;
    },
  };
}
