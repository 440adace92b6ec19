import type { Database } from '@reeve/db';
import { sql } from 'kysely';
import type { Contender } from '../contender.ts';

/** The ranking functions of PostgreSQL's full-text search, with each way to normalize by length. */
export const RANKINGS = ['ts_rank', 'ts_rank_cd'].flatMap((name) =>
  [0, 1, 2, 4, 8, 16].map((normalization) => ({ name, normalization })),
);

/** PostgreSQL's full-text search: a GIN index, any of the query's lexemes, ordered by a ranking function. */
export async function openFullText(
  { db, kind }: Database,
  { name, normalization }: { name: string; normalization: number },
): Promise<Contender> {
  await sql`create table if not exists bench_texts (id text primary key, search tsvector not null)`.execute(db);
  await sql`create index if not exists bench_texts_search on bench_texts using gin (search)`.execute(db);
  return {
    name: `${name} (${normalization}) on ${kind}`,
    async add(documents) {
      const ids = documents.map(({ id }) => id);
      const texts = documents.map(({ text }) => text);
      await sql`insert into bench_texts select id, to_tsvector('english', text)
        from unnest(${ids}::text[], ${texts}::text[]) as t(id, text)`.execute(db);
    },
    async search(query, count) {
      const { rows: lexemes } = await sql<{ lexeme: string }>`
        select unnest(tsvector_to_array(to_tsvector('english', ${query}))) as lexeme`.execute(db);
      const any = lexemes.map(({ lexeme }) => `'${lexeme.replace(/['\\]/g, '$&$&')}'`).join(' | ');
      const { rows } = await sql<{ id: string }>`
        select id from bench_texts where search @@ ${any}::tsquery
        order by ${sql.raw(name)}(search, ${any}::tsquery, ${sql.lit(normalization)}) desc, id limit ${count}`.execute(
        db,
      );
      return rows.map(({ id }) => id);
    },
    async bytes() {
      const { rows } = await sql<{ bytes: number }>`select pg_total_relation_size('bench_texts') as bytes`.execute(db);
      return rows[0]!.bytes;
    },
  };
}
