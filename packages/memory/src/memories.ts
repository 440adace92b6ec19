import { recordAudit } from '@reeve/audit';
import type { Memory, MemoryPatch, RecallInput, RecallMatch, RememberInput, Retrieval } from '@reeve/contract';
import { isUniqueViolation, type Tx } from '@reeve/db';
import { newId, ReeveError } from '@reeve/kit';
import { holdPersona } from './knowledge/personas.ts';
import { ensureSpace, lockSpace } from './lexical/space.ts';
import { indexTexts, unindexTexts } from './lexical/write.ts';
import { digestOf, memoryText } from './memory.ts';
import { selectMemory, updateMemoryRow } from './memory-store.ts';
import { search, type SearchResult } from './search.ts';
import type { Requester } from './session.ts';
import { deleteExpiredMemory, deleteMemory, insertMemory, selectMemoryPersona } from './store.ts';
import type { QueryVector } from './vectors/index.ts';

/** A text to remember and where it came from. */
export type RememberWanted = RememberInput & {
  readonly sessionId?: string | null | undefined;
  readonly runId?: string | null | undefined;
};

/**
 * Stores a text once for its tenant and persona: the same text again, whatever its case and white space, answers the
 * first one's id with `deduplicated` and makes that one last as long as the longer of the two; its tags stay. It can be
 * recalled as soon as it is stored. Throws `invalid_request` for a text of nothing but white space, and a persona that is not there.
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
  await holdPersona(tx, tenantId, memory.personaId);
  const space = await ensureSpace(tx, { tenantId, personaId: memory.personaId, kind: 'memory' });
  await lockSpace(tx, space);
  await unindexTexts(tx, space, await deleteExpiredMemory(tx, tenantId, memory.personaId, memory.digest));
  const id = await insertMemory(tx, memory);
  if (id !== memory.id) return { id, deduplicated: true };
  await indexTexts(tx, space, [memoryText(id, memory.text)]);
  await record(tx, who, 'MEMORY_STORED', id, memory.runId);
  return { id, deduplicated: false };
}

/** One memory. Throws `not_found`. */
export async function requireMemory(tx: Tx, tenantId: string, id: string): Promise<Memory> {
  const memory = await selectMemory(tx, tenantId, id);
  if (memory === undefined) throw new ReeveError('not_found', `there is no memory ${id}`);
  return memory;
}

/** Changes the fields sent of a memory, and what it is found by. Throws `not_found`, and `conflict` where another one says the same. */
export async function updateMemory(tx: Tx, who: Requester, id: string, patch: MemoryPatch): Promise<Memory> {
  const { tenantId } = who;
  const { persona_id: personaId } = await requireMemory(tx, tenantId, id);
  const { text, tags, ttl_s: ttlS } = patch;
  const space = await ensureSpace(tx, { tenantId, personaId, kind: 'memory' });
  await lockSpace(tx, space);
  try {
    await updateMemoryRow(tx, id, {
      ...(text !== undefined && { text: { text, digest: digestOf(text) } }),
      ...(tags !== undefined && { tags: [...new Set(tags)] }),
      ...(ttlS !== undefined && { ttlS }),
    });
  } catch (error) {
    throw isUniqueViolation(error)
      ? new ReeveError('conflict', 'another memory says the same', { cause: error })
      : error;
  }
  if (text !== undefined) await indexTexts(tx, space, [memoryText(id, text)]);
  await record(tx, who, 'MEMORY_CHANGED', id, null);
  return requireMemory(tx, tenantId, id);
}

/** Removes a memory. Throws `not_found`. */
export async function forget(tx: Tx, who: Requester, id: string): Promise<void> {
  const { tenantId } = who;
  const memory = await selectMemoryPersona(tx, tenantId, id);
  if (memory !== undefined) {
    const space = await ensureSpace(tx, { tenantId, personaId: memory.personaId, kind: 'memory' });
    await unindexTexts(tx, space, [id]);
  }
  if (!(await deleteMemory(tx, tenantId, id))) throw new ReeveError('not_found', `there is no memory ${id}`);
  await record(tx, who, 'MEMORY_DELETED', id, null);
}

/** Characters of a query that are looked at; the contract's bound, which a prompt may exceed. */
const QUERY_LENGTH = 2_000;

/**
 * What was remembered, or said in a session, with any of the query's words; best first, then newest. A persona narrows
 * memories to its own; messages have none. No query fails: one without a word in it matches nothing.
 */
export async function recall(tx: Tx, tenantId: string, input: RecallInput): Promise<RecallMatch[]> {
  return (await recallWith(tx, tenantId, input)).matches;
}

/** The same with how it was found; where the query has a vector, what is most like it matches too. */
export async function recallWith(
  tx: Tx,
  tenantId: string,
  input: RecallInput,
  asked?: QueryVector,
): Promise<{ matches: RecallMatch[]; retrieval: Retrieval }> {
  const { persona_id: persona } = input;
  const personas = persona === undefined ? undefined : [persona];
  const { found, retrieval } = await recallOf(tx, tenantId, input, personas, asked);
  return { matches: found.map(({ match }) => match), retrieval };
}

/** The same for an agent: memories of its persona, and those of none. */
export async function recallAs(
  tx: Tx,
  tenantId: string,
  personaId: string | null,
  input: Omit<RecallInput, 'persona_id'>,
  asked?: QueryVector,
): Promise<RecallMatch[]> {
  const { found } = await recallOf(tx, tenantId, input, [personaId, null], asked);
  return found.map(({ match }) => match);
}

async function recallOf(
  tx: Tx,
  tenantId: string,
  input: Omit<RecallInput, 'persona_id'>,
  personas: readonly (string | null)[] | undefined,
  asked: QueryVector | undefined,
): Promise<SearchResult> {
  return search(tx, tenantId, { ...input, query: input.query.slice(0, QUERY_LENGTH) }, personas, asked);
}

/** Terms that a memory has to share with a prompt: one may be chance, a common word of a long prompt in a long text. */
const SHARED_TERMS = 2;

/**
 * What to show a model beside a prompt: the memories of a persona and those of none that fit it best, at most `topK`, each with where
 * it is from. A memory that shares a single term with the prompt is left out, unless the prompt has no other, or its vector is close.
 */
export async function recallContext(
  tx: Tx,
  tenantId: string,
  personaId: string | null,
  query: string,
  topK: number,
  asked?: QueryVector,
): Promise<{ text: string; source: string }[]> {
  const wanted = { query: query.slice(0, QUERY_LENGTH), top_k: topK, kinds: ['memory' as const] };
  const { terms, found } = await search(tx, tenantId, wanted, [personaId, null], asked);
  return found
    .filter(({ matched, isClose }) => isClose || (matched > 0 && matched >= Math.min(SHARED_TERMS, terms)))
    .map(({ match: { id, text } }) => ({ text, source: `memory ${id}` }));
}

function record(
  tx: Tx,
  { tenantId, userId, traceId }: Requester,
  action: 'MEMORY_STORED' | 'MEMORY_CHANGED' | 'MEMORY_DELETED',
  memory: string,
  runId: string | null,
): Promise<void> {
  return recordAudit(tx, [
    { tenantId, actor: userId, action, traceId, ...(runId !== null && { runId }), details: { memory } },
  ]);
}
