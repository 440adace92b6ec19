import type { Tx } from '@reeve/db';
import { sql } from 'kysely';
import { indexTexts, lockSpace, unindexTexts } from '@reeve/retrieval';
import { MESSAGE_LENGTH, messageRef, messageText, NEIGHBORS, type SaidMessage } from './message.ts';
import { ensureSpace, findSpaces } from './spaces.ts';

/*
 * The index of what was said, one space for each tenant. A message is indexed once, in the session that owns it: a fork's own, not
 * those that it reads in its parent. `sessions.indexed_until` is the last place that is; it changes in the transaction that
 * indexes. Everybody locks the space first and sessions after it, so whoever comes second sees what the first has done.
 */

/** Messages per transaction, so that none takes long. */
const BATCH = 64;
/** Sessions of one transaction. */
const SESSIONS = 32;

interface Window {
  readonly sessionId: string;
  /** First place of the session's own messages. */
  readonly own: number;
  readonly from: number;
  readonly until: number;
}

/** Indexes the next messages of a tenant that are not yet. Answers whether there were any. */
export async function indexNextMessages(tx: Tx, tenantId: string): Promise<boolean> {
  const space = await ensureSpace(tx, { tenantId, personaId: null, kind: 'message' });
  await lockSpace(tx, space);
  const windows = await selectWindows(tx, tenantId);
  if (windows.length === 0) return false;
  const messages = await selectSaid(tx, tenantId, windows);
  const bySession = Map.groupBy(messages, ({ sessionId }) => sessionId);
  await indexTexts(
    tx,
    space,
    windows.flatMap(({ sessionId, own, from, until }) => {
      const around = bySession.get(sessionId) ?? [];
      // Those before have new neighbors.
      const first = Math.max(own, from - NEIGHBORS);
      return around
        .filter(({ position }) => position >= first && position <= until)
        .map((message) => messageText(message, around));
    }),
  );
  await updateIndexedUntil(tx, tenantId, windows);
  return true;
}

/** Takes a session's messages out of the index, for good; before they are deleted, in the transaction that does. */
export async function unindexSession(tx: Tx, tenantId: string, sessionId: string): Promise<void> {
  const [space] = await findSpaces(tx, { tenantId, personaId: null, kinds: ['message'] });
  if (space === undefined) return;
  await lockSpace(tx, space);
  const positions = await selectPositions(tx, tenantId, sessionId);
  await unindexTexts(
    tx,
    space,
    positions.map((position) => messageRef(sessionId, position)),
  );
}

/**
 * Takes what a run added to its session out of the index, before it is deleted, in the transaction that does. What was said right
 * before is indexed anew, without it.
 */
export async function unindexRun(
  tx: Tx,
  { id, tenantId, sessionId }: { id: string; tenantId: string; sessionId: string },
): Promise<void> {
  const [space] = await findSpaces(tx, { tenantId, personaId: null, kinds: ['message'] });
  if (space === undefined) return;
  await lockSpace(tx, space);
  const [first] = await selectPositions(tx, tenantId, sessionId, id);
  if (first === undefined) return;
  const from = first - NEIGHBORS;
  const positions = (await selectPositions(tx, tenantId, sessionId)).filter((position) => position >= from);
  await unindexTexts(
    tx,
    space,
    positions.map((position) => messageRef(sessionId, position)),
  );
  await sql`update sessions set indexed_until = greatest(coalesce(parent_until, 0), least(indexed_until, ${from - 1}::int))
    where tenant_id = ${tenantId} and id = ${sessionId}`.execute(tx);
}

async function selectWindows(tx: Tx, tenantId: string): Promise<Window[]> {
  const { rows } = await sql<{ id: string; count: number; indexed: number; own: number }>`
    select id, message_count as count, indexed_until as indexed, coalesce(parent_until, 0) + 1 as own from sessions
    where tenant_id = ${tenantId} and message_count > indexed_until limit ${SESSIONS}`.execute(tx);
  const windows: Window[] = [];
  let room = BATCH;
  for (const { id, count, indexed, own } of rows) {
    if (room === 0) break;
    const until = Math.min(count, indexed + room);
    room -= until - indexed;
    windows.push({ sessionId: id, own, from: indexed + 1, until });
  }
  return windows;
}

async function selectSaid(tx: Tx, tenantId: string, windows: readonly Window[]): Promise<SaidMessage[]> {
  const { rows } = await sql<SaidMessage>`
    select m.session_id as "sessionId", m.position, m.role, left(message_content(m), ${MESSAGE_LENGTH}) as text,
      m.name, m.created_at as "createdAt"
    from unnest(${windows.map(({ sessionId }) => sessionId)}::uuid[], ${windows.map(({ from }) => from - 2 * NEIGHBORS)}::int[],
      ${windows.map(({ until }) => until + NEIGHBORS)}::int[]) as w(session_id, low, high)
    join messages m on m.session_id = w.session_id and m.position between w.low and w.high
    where m.tenant_id = ${tenantId} order by m.session_id, m.position`.execute(tx);
  return rows;
}

async function updateIndexedUntil(tx: Tx, tenantId: string, windows: readonly Window[]): Promise<void> {
  await sql`
    update sessions s set indexed_until = w.until
    from unnest(${windows.map(({ sessionId }) => sessionId)}::uuid[], ${windows.map(({ until }) => until)}::int[]) as w(id, until)
    where s.id = w.id and s.tenant_id = ${tenantId}`.execute(tx);
}

/** The places of a session's own messages, or of those among them that a run added, in order. */
async function selectPositions(tx: Tx, tenantId: string, sessionId: string, runId?: string): Promise<number[]> {
  const rows = await tx
    .selectFrom('messages')
    .select('position')
    .where('tenant_id', '=', tenantId)
    .where('session_id', '=', sessionId)
    .$if(runId !== undefined, (query) => query.where('run_id', '=', runId!))
    .orderBy('position')
    .execute();
  return rows.map(({ position }) => position);
}
