import type { Attachment, Message, Session } from '@reeve/contract';
import { json, likeText, now, type Db, type Tables } from '@reeve/db';
import { storableText } from '@reeve/kit';
import { sql, type ExpressionBuilder, type Selectable } from 'kysely';
import { ofPersona } from './persona-filter.ts';
import type { NewMessage } from './session.ts';

export interface Paging {
  readonly limit: number;
  readonly offset: number;
}

/** Inserts an empty session; undefined if the ID is taken in any tenant. */
export async function insertSession(
  db: Db,
  session: {
    id: string;
    tenantId: string;
    agentId: string | null;
    title: string;
    /** The session whose messages up to a position come before its own. */
    parent?: { id: string; until: number };
  },
): Promise<Session | undefined> {
  const row = await db
    .insertInto('sessions')
    .values({
      id: session.id,
      tenant_id: session.tenantId,
      title: session.title,
      agent_id: session.agentId,
      parent_session_id: session.parent?.id ?? null,
      parent_until: session.parent?.until ?? null,
      message_count: session.parent?.until ?? 0,
      indexed_until: session.parent?.until ?? 0,
      created_at: now,
      updated_at: now,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  return row && sessionFromRow(row);
}

export async function selectSession(db: Db, tenantId: string, id: string): Promise<Session | undefined> {
  const row = await db
    .selectFrom('sessions')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row && sessionFromRow(row);
}

/** A page of the tenant's sessions, most recently used first, with how many there are in all. */
export async function listSessions(
  db: Db,
  tenantId: string,
  q: string | undefined,
  { limit, offset }: Paging,
): Promise<{ sessions: Session[]; total: number }> {
  const where = matching(tenantId, q);
  const rows = await db
    .selectFrom('sessions')
    .selectAll()
    .where(where)
    .orderBy('updated_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .offset(offset)
    .execute();
  const { total } = await db
    .selectFrom('sessions')
    .where(where)
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  return { sessions: rows.map(sessionFromRow), total };
}

/** Renames a session; undefined if it does not exist. `updated_at` stays, since it orders sessions by use. */
export async function updateTitle(db: Db, tenantId: string, id: string, title: string): Promise<Session | undefined> {
  const row = await db
    .updateTable('sessions')
    .set({ title })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
  return row && sessionFromRow(row);
}

/** Deletes a session and returns the number of its messages; undefined if it does not exist. */
export async function deleteSession(db: Db, tenantId: string, id: string): Promise<number | undefined> {
  const row = await db
    .deleteFrom('sessions')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .returning('message_count')
    .executeTakeFirst();
  return row?.message_count;
}

/**
 * Keeps places for that many messages and locks the session until the transaction ends; answers the place before the
 * first, undefined where there is no such session.
 */
export async function reservePositions(
  db: Db,
  tenantId: string,
  id: string,
  count: number,
): Promise<number | undefined> {
  const row = await db
    .updateTable('sessions')
    .set((eb) => ({ message_count: eb('message_count', '+', count), updated_at: now }))
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .returning('message_count')
    .executeTakeFirst();
  return row && row.message_count - count;
}

/** Adds messages at the places after `after`. */
export async function insertMessages(
  db: Db,
  tenantId: string,
  sessionId: string,
  after: number,
  messages: readonly NewMessage[],
): Promise<void> {
  for (let first = 0; first < messages.length; first += BATCH)
    await db
      .insertInto('messages')
      .values(
        messages
          .slice(first, first + BATCH)
          .map(({ role, content, runId, step, name, attachments = [], at }, index) => ({
            session_id: sessionId,
            position: after + 1 + first + index,
            tenant_id: tenantId,
            role,
            content: content === null ? null : storableText(content),
            run_id: runId ?? null,
            step: step ?? null,
            name: name ?? null,
            attachments: attachments.length === 0 ? null : json(attachments),
            created_at: at === undefined ? now : new Date(at),
          })),
      )
      .execute();
}

/** Messages of one statement, whose parameters are bounded. */
const BATCH = 1_000;
const ALL = 2_147_483_647;

/** The newest `limit` messages up to and including the place `until`, oldest first; without them all there are. */
export async function selectMessages(
  db: Db,
  tenantId: string,
  sessionId: string,
  range: { until?: number; limit?: number } = {},
): Promise<Message[]> {
  const { rows } = await sql<
    Omit<Message, 'created_at' | 'attachments'> & { created_at: Date; attachments: Attachment[] | null }
  >`
    select position, role, content, name, attachments, run_id, created_at
    from session_messages(${sessionId}, ${range.until ?? ALL}, ${range.limit ?? ALL}) where tenant_id = ${tenantId}`.execute(
    db,
  );
  return rows.reverse().map(({ attachments, ...row }) => ({
    ...row,
    ...(attachments !== null && { attachments }),
    created_at: row.created_at.toISOString(),
  }));
}

/** A new memory. `ttlS`: seconds until it expires, null for never. */
export interface NewMemory {
  readonly id: string;
  readonly tenantId: string;
  readonly personaId: string | null;
  readonly text: string;
  readonly digest: string;
  readonly tags: readonly string[];
  readonly sessionId: string | null;
  readonly runId: string | null;
  readonly ttlS: number | null;
}

/** Deletes the memory with this digest if it is expired, and returns its ID. */
export async function deleteExpiredMemory(
  db: Db,
  tenantId: string,
  personaId: string | null,
  digest: string,
): Promise<string[]> {
  const { rows } = await sql<{
    id: string;
  }>`delete from memories where tenant_id = ${tenantId} and ${ofPersona(personaId)}
    and digest = ${digest} and expires_at <= reeve_now() returning id`.execute(db);
  return rows.map(({ id }) => id);
}

/** Adds a memory that its caller indexes. */
export async function insertMemory(db: Db, memory: NewMemory): Promise<void> {
  await sql`
    insert into memories (id, tenant_id, persona_id, text, digest, tags, session_id, run_id, created_at, expires_at, indexed)
    values (${memory.id}, ${memory.tenantId}, ${memory.personaId}, ${memory.text}, ${memory.digest}, ${[...memory.tags]},
      ${memory.sessionId}, ${memory.runId}, reeve_now(), reeve_now() + ${memory.ttlS}::float8 * interval '1 s', true)`.execute(
    db,
  );
}

/** A memory’s persona; undefined if the memory does not exist. */
export async function selectMemoryPersona(
  db: Db,
  tenantId: string,
  id: string,
): Promise<{ personaId: string | null } | undefined> {
  const row = await db
    .selectFrom('memories')
    .select('persona_id')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row && { personaId: row.persona_id };
}

/** False if the memory does not exist. */
export async function deleteMemory(db: Db, tenantId: string, id: string): Promise<boolean> {
  const row = await db
    .deleteFrom('memories')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

function matching(tenantId: string, q: string | undefined) {
  return (eb: ExpressionBuilder<Tables, 'sessions'>) => {
    const conditions = [eb('tenant_id', '=', tenantId)];
    if (q !== undefined) conditions.push(eb('title', 'ilike', likeText(q)));
    return eb.and(conditions);
  };
}

function sessionFromRow(row: Selectable<Tables['sessions']>): Session {
  return {
    id: row.id,
    tenant_id: row.tenant_id,
    title: row.title,
    agent_id: row.agent_id,
    message_count: row.message_count,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}
