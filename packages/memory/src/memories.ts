import { recordAudit } from '@reeve/audit';
import type { RecallInput, RecallMatch, RememberInput } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { newId, ReeveError } from '@reeve/kit';
import { anyOf, digestOf } from './memory.ts';
import { searchMemories, searchMessages, selectLexemes } from './search.ts';
import type { Requester } from './session.ts';
import { deleteExpiredMemory, deleteMemory, insertMemory } from './store.ts';

/** A text to remember and where it came from. */
export type RememberWanted = RememberInput & {
  readonly sessionId?: string | null | undefined;
  readonly runId?: string | null | undefined;
};

/**
 * Stores a text once for its tenant and persona: the same text again, whatever its case and white space, answers the
 * first one's id with `deduplicated` and makes that one last as long as the longer of the two; its tags stay. Throws
 * `invalid_request` for a text of nothing but white space.
 */
export async function remember(
  tx: Tx,
  who: Requester,
  input: RememberWanted,
): Promise<{ id: string; deduplicated: boolean }> {
  const { tenantId } = who;
  const memory = {
    id: newId(),
    tenantId,
    personaId: input.persona_id ?? null,
    text: input.text,
    digest: digestOf(input.text),
    tags: [...new Set(input.tags)],
    sessionId: input.sessionId ?? null,
    runId: input.runId ?? null,
    ttlS: input.ttl_s ?? null,
  };
  await deleteExpiredMemory(tx, tenantId, memory.personaId, memory.digest);
  const id = await insertMemory(tx, memory);
  if (id !== memory.id) return { id, deduplicated: true };
  await record(tx, who, 'MEMORY_STORED', id, memory.runId);
  return { id, deduplicated: false };
}

/** Removes a memory. Throws `not_found`. */
export async function forget(tx: Tx, who: Requester, id: string): Promise<void> {
  if (!(await deleteMemory(tx, who.tenantId, id))) throw new ReeveError('not_found', `there is no memory ${id}`);
  await record(tx, who, 'MEMORY_DELETED', id, null);
}

/** Characters of a query that are looked at; the contract's bound, which a prompt may exceed. */
const QUERY_LENGTH = 2_000;

/**
 * What was remembered, or said in a session, with any of the query's words; best first, then newest. A persona narrows
 * memories to its own; messages have none. No query fails: one without a word in it matches nothing.
 */
export async function recall(tx: Tx, tenantId: string, input: RecallInput): Promise<RecallMatch[]> {
  const query = anyOf(await selectLexemes(tx, input.query.slice(0, QUERY_LENGTH).replaceAll('\u0000', ' ')));
  if (query === null) return [];
  const memories = input.kinds.includes('memory')
    ? await searchMemories(tx, tenantId, query, input.persona_id ?? null, input.top_k)
    : [];
  const messages = input.kinds.includes('message') ? await searchMessages(tx, tenantId, query, input.top_k) : [];
  return [...memories, ...messages].sort(byScore).slice(0, input.top_k);
}

/** Weaker matches than this are chance: one common word of a long prompt in a long text. */
const SCORE_FLOOR = 0.001;

/** What to show a model beside a prompt: the memories of a persona, or of none, that fit it best, each with where it is from. */
export async function recallContext(
  tx: Tx,
  tenantId: string,
  personaId: string | null,
  query: string,
  topK: number,
): Promise<{ text: string; source: string }[]> {
  const matches = await recall(tx, tenantId, { query, top_k: topK, kinds: ['memory'] });
  return matches.filter(({ score }) => score >= SCORE_FLOOR).map(({ id, text }) => ({ text, source: `memory ${id}` }));
}

function byScore(one: RecallMatch, other: RecallMatch): number {
  return other.score - one.score || order(other.created_at, one.created_at) || order(other.id, one.id);
}

function order(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

function record(
  tx: Tx,
  { tenantId, userId, traceId }: Requester,
  action: 'MEMORY_STORED' | 'MEMORY_DELETED',
  memory: string,
  runId: string | null,
): Promise<void> {
  return recordAudit(tx, [
    { tenantId, actor: userId, action, traceId, ...(runId !== null && { runId }), details: { memory } },
  ]);
}
