import type { RecallMatch } from '@reeve/contract';
import type { Db } from '@reeve/db';
import { sql, type RawBuilder } from 'kysely';

/*
 * Lexical search: a text matches where it has any of the query's lexemes, and ranks by how many of them it has and how
 * often, over the logarithm of its length (`ts_rank` with normalization 1). Equal ranks go to the newer one.
 */

/** The query's words in the form that the index has them: stemmed, in lower case, without stop words. */
export async function selectLexemes(db: Db, text: string): Promise<string[]> {
  const { rows } = await sql<{
    lexemes: string[];
  }>`select tsvector_to_array(to_tsvector('english', ${text})) as lexemes`.execute(db);
  return rows[0]!.lexemes;
}

/** The best memories for a text search query; expired ones are not there. With a persona only that one's. */
export async function searchMemories(
  db: Db,
  tenantId: string,
  query: string,
  personaId: string | null,
  limit: number,
): Promise<RecallMatch[]> {
  const found = sql`
    select id::text as id, 'memory' as kind, text, ts_rank(search, ${query}::tsquery, 1) as score, tags, session_id, run_id, created_at
    from memories
    where tenant_id = ${tenantId} and search @@ ${query}::tsquery and (expires_at is null or expires_at > reeve_now())
      and (${personaId}::uuid is null or persona_id = ${personaId}::uuid)`;
  return best(db, found, limit);
}

/**
 * The best messages for a text search query. Messages have no index for it, so only the newest are looked at, by the
 * latest use of their session: at most 2,000, the first 10,000 characters of each, a million characters in all.
 */
export async function searchMessages(db: Db, tenantId: string, query: string, limit: number): Promise<RecallMatch[]> {
  const newest = sql`
    select m.session_id, m.position, m.run_id, m.created_at, message_content(m) as content, s.updated_at from (
      select id, updated_at from sessions where tenant_id = ${tenantId} order by updated_at desc, id desc limit 2000
    ) s
    cross join lateral (
      select * from messages where tenant_id = ${tenantId} and session_id = s.id order by position desc limit 2000
    ) m
    order by s.updated_at desc, s.id desc, m.position desc limit 2000`;
  const found = sql`
    select session_id::text || ':' || position as id, 'message' as kind, content as text,
      ts_rank(to_tsvector('english', ${parsable('content')}), ${query}::tsquery, 1) as score,
      '{}'::text[] as tags, session_id, run_id, created_at
    from (
      select *, sum(least(length(content), 10000)) over (order by updated_at desc, session_id desc, position desc) as characters
      from (${newest}) newest
    ) looked_at
    where characters <= 1000000`;
  return best(db, found, limit);
}

/** A text that PostgreSQL parses in linear time: its parser goes back over long unbroken runs and unclosed tags. */
function parsable(column: string): RawBuilder<string> {
  return sql`regexp_replace(replace(left(${sql.ref(column)}, 10000), '<', ' '), '(\\S{60})', '\\1 ', 'g')`;
}

interface FoundRow {
  readonly id: string;
  readonly kind: RecallMatch['kind'];
  readonly text: string;
  readonly score: number;
  readonly tags: string[];
  readonly session_id: string | null;
  readonly run_id: string | null;
  readonly created_at: Date;
}

async function best(db: Db, found: RawBuilder<unknown>, limit: number): Promise<RecallMatch[]> {
  const { rows } = await sql<FoundRow>`
    with found as materialized (${found})
    select * from found where score > 0 order by score desc, created_at desc, id desc limit ${limit}`.execute(db);
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind,
    text: row.text,
    score: row.score,
    tags: row.tags,
    source: { session_id: row.session_id, run_id: row.run_id },
    created_at: row.created_at.toISOString(),
  }));
}
