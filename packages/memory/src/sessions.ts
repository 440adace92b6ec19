import { recordAudit } from '@reeve/audit';
import type { Message, Session } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { newId, ReeveError } from '@reeve/kit';
import { unindexSession } from './message-index.ts';
import { titleOf, type NewMessage, type Requester } from './session.ts';
import {
  deleteSession,
  insertMessages,
  insertSession,
  reservePositions,
  selectMessages,
  selectSession,
  updateTitle,
} from './store.ts';

/** A session that is to be there. `title` is cut to its first line and 80 characters; an existing session keeps its own. */
export interface SessionWanted {
  readonly tenantId: string;
  readonly sessionId: string;
  readonly agentId?: string | null | undefined;
  readonly title: string;
}

/** The session with this ID, created if missing. Throws `not_found` if another tenant owns it. */
export async function ensureSession(tx: Tx, { tenantId, sessionId, agentId, title }: SessionWanted): Promise<Session> {
  const made = await insertSession(tx, { id: sessionId, tenantId, agentId: agentId ?? null, title: titleOf(title) });
  return made ?? requireSession(tx, tenantId, sessionId);
}

/** Makes a session of a conversation that was held elsewhere. Without a title it has one after its first message. */
export async function importSession(
  tx: Tx,
  tenantId: string,
  { title, messages }: { title: string | undefined; messages: readonly (NewMessage & { content: string })[] },
): Promise<Session> {
  const id = newId();
  await insertSession(tx, { id, tenantId, agentId: null, title: title ?? titleOf(messages[0]?.content ?? '') });
  await appendMessages(tx, tenantId, id, messages);
  return requireSession(tx, tenantId, id);
}

/**
 * Makes a session that begins with another's messages up to a position, which are read where they are. Deleting the other takes
 * them away from both. Throws `not_found`.
 */
export async function forkSession(
  tx: Tx,
  tenantId: string,
  { from, until, to }: { from: string; until: number; to: string },
): Promise<void> {
  const { title, agent_id: agentId } = await requireSession(tx, tenantId, from);
  const parent = { id: from, until };
  await insertSession(tx, { id: to, tenantId, agentId, title: titleOf(`${title.slice(0, 72)} (fork)`), parent });
}

/** Throws `not_found`. */
export async function requireSession(tx: Tx, tenantId: string, sessionId: string): Promise<Session> {
  const session = await selectSession(tx, tenantId, sessionId);
  if (session === undefined) throw noSession(sessionId);
  return session;
}

/**
 * Adds messages at the end of a session and answers their positions, which have no gap; others who add to the session
 * wait for this transaction. NUL characters become U+FFFD. Throws `not_found`.
 */
export async function appendMessages(
  tx: Tx,
  tenantId: string,
  sessionId: string,
  messages: readonly NewMessage[],
): Promise<number[]> {
  if (messages.length === 0) return [];
  const after = await reservePositions(tx, tenantId, sessionId, messages.length);
  if (after === undefined) throw noSession(sessionId);
  await insertMessages(tx, tenantId, sessionId, after, messages);
  return messages.map((_, index) => after + 1 + index);
}

/** The newest `limit` messages up to and including position `until`, oldest first. Empty if the session does not exist. */
export async function listMessages(
  tx: Tx,
  tenantId: string,
  sessionId: string,
  range: { until?: number; limit: number },
): Promise<Message[]> {
  return selectMessages(tx, tenantId, sessionId, range);
}

/** A session with every message. Throws `not_found`. */
export async function exportSession(
  tx: Tx,
  tenantId: string,
  sessionId: string,
): Promise<Session & { messages: Message[] }> {
  const session = await requireSession(tx, tenantId, sessionId);
  return { ...session, messages: await selectMessages(tx, tenantId, sessionId) };
}

/** Throws `not_found`. */
export async function renameSession(tx: Tx, tenantId: string, sessionId: string, title: string): Promise<Session> {
  const session = await updateTitle(tx, tenantId, sessionId, title);
  if (session === undefined) throw noSession(sessionId);
  return session;
}

/** Deletes a session and its messages; memories from it stay. Throws `not_found`. */
export async function removeSession(
  tx: Tx,
  { tenantId, userId, traceId }: Requester,
  sessionId: string,
): Promise<void> {
  await unindexSession(tx, tenantId, sessionId);
  const messages = await deleteSession(tx, tenantId, sessionId);
  if (messages === undefined) throw noSession(sessionId);
  await recordAudit(tx, [
    { tenantId, actor: userId, action: 'SESSION_DELETED', traceId, details: { session: sessionId, messages } },
  ]);
}

function noSession(sessionId: string): ReeveError {
  return new ReeveError('not_found', `there is no session ${sessionId}`);
}
