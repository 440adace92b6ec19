import { recordAudit } from '@reeve/audit';
import type {
  Memory,
  MemoryPatch,
  RecallBackend,
  RecallInput,
  RecallMatch,
  RememberInput,
  Retrieval,
} from '@reeve/contract';
import { isUniqueViolation, type Tx } from '@reeve/db';
import { invalidField, newId, ReeveError } from '@reeve/kit';
import { allowedText, type MemoryRules } from './care/sensitive.ts';
import { relate, type Related } from './care/relate.ts';
import { selectByDigest, updateMerged, selectReplaced, updateParted, updateSuperseded } from './care/store.ts';
import { holdPersona, personaIdOf } from './knowledge/personas.ts';
import { indexTexts, isTelling, lockSpace, unindexTexts } from '@reeve/retrieval';
import { digestOf, memoryText } from './memory.ts';
import { selectMemory, updateMemoryRow } from './memory-store.ts';
import { search, type SearchInput } from './search.ts';
import type { Requester } from './session.ts';
import { deleteExpiredMemory, deleteMemory, insertMemory, selectMemoryPersona } from './store.ts';
import { ensureSpace } from './spaces.ts';
import type { MemoryQuery } from './query-embedders.ts';

/** A text to store, with its source. */
export type RememberWanted = RememberInput & {
  readonly sessionId?: string | null | undefined;
  readonly runId?: string | null | undefined;
};

/**
 * What came of a text: the memory that says it, whether that was there already, and those in whose place it came.
 */
export type Remembered = { id: string; deduplicated: boolean; supersedes: string[] };

/**
 * Stores a text once for its tenant and persona: what says nothing that an older one does not say answers that one's id with
 * `deduplicated`, gives it its tags and makes it last as long as the longer of the two. What says something else about the same
 * thing comes in the place of the older ones. It can be recalled as soon as it is stored. Throws `invalid_request` for a text of nothing but white space and for
 * a persona that is not there, and `content_refused` for a text that the tenant's rules keep out.
 */
export async function remember(tx: Tx, who: Requester, input: RememberWanted, rules: MemoryRules): Promise<Remembered> {
  const { tenantId } = who;
  const text = allowedText(input.text, rules, 'text');
  const memory = {
    id: newId(),
    tenantId,
    personaId: await holdPersona(tx, tenantId, input.persona_id ?? null),
    text,
    digest: digestOf(text),
    tags: allowedTags(input.tags, rules),
    sessionId: input.sessionId ?? null,
    runId: input.runId ?? null,
    ttlS: input.ttl_s ?? null,
  };
  const space = await ensureSpace(tx, { tenantId, personaId: memory.personaId, kind: 'memory' });
  await lockSpace(tx, space);
  await unindexTexts(tx, space, await deleteExpiredMemory(tx, tenantId, memory.personaId, memory.digest));
  const exact = await selectByDigest(tx, memory);
  // A repeat normally changes nothing else; repeating a superseded fact makes it current again.
  const isSettled = exact !== undefined && exact.superseded_by === null;
  const { same, older } = isSettled ? NOTHING : await relate(tx, space, text, exact?.id);
  const known = exact?.id ?? same;
  const id = known ?? memory.id;
  if (known === undefined) {
    await insertMemory(tx, memory);
    await indexTexts(tx, space, [memoryText(id, text)]);
    await record(tx, who, 'MEMORY_STORED', id, memory.runId);
  } else await updateMerged(tx, id, memory);
  if (older.length > 0) await updateSuperseded(tx, id, older);
  return { id, deduplicated: known !== undefined, supersedes: older };
}

const NOTHING: Related = { same: undefined, older: [] };

/** One memory. Throws `not_found`. */
export async function requireMemory(tx: Tx, tenantId: string, id: string): Promise<Memory> {
  const memory = await selectMemory(tx, tenantId, id);
  if (memory === undefined) throw new ReeveError('not_found', `there is no memory ${id}`);
  return memory;
}

/**
 * Changes the fields sent of a memory, and what it is found by; memories that it absorbs go. Throws `not_found`, `conflict` where another one says the same, and
 * `content_refused` for a text that the tenant's rules keep out.
 */
export async function updateMemory(
  tx: Tx,
  who: Requester,
  id: string,
  patch: MemoryPatch,
  rules: MemoryRules,
): Promise<Memory> {
  const { tenantId } = who;
  const { persona_id: personaId } = await requireMemory(tx, tenantId, id);
  const { tags, ttl_s: ttlS, absorbs = [] } = patch;
  const text = patch.text === undefined ? undefined : allowedText(patch.text, rules, 'text');
  const space = await ensureSpace(tx, { tenantId, personaId, kind: 'memory' });
  await lockSpace(tx, space);
  const replaced = absorbs.length === 0 ? [] : await selectReplaced(tx, [id, ...absorbs]);
  for (const other of new Set(absorbs)) await absorb(tx, who, { id, personaId }, other);
  // An expired memory counts as absent, even before it is removed.
  if (text !== undefined)
    await unindexTexts(tx, space, await deleteExpiredMemory(tx, tenantId, personaId, digestOf(text)));
  try {
    await updateMemoryRow(tx, id, {
      ...(text !== undefined && { text: { text, digest: digestOf(text) } }),
      ...(tags !== undefined && { tags: allowedTags(tags, rules) }),
      ...(ttlS !== undefined && { ttlS }),
    });
  } catch (error) {
    throw isUniqueViolation(error)
      ? new ReeveError('conflict', 'another memory says the same', { cause: error })
      : error;
  }
  if (text !== undefined) {
    await indexTexts(tx, space, [memoryText(id, text)]);
    await updateParted(tx, id);
    await updateSuperseded(tx, id, (await relate(tx, space, text, id)).older);
  }
  if (absorbs.length > 0) await updateSuperseded(tx, id, replaced);
  await record(tx, who, 'MEMORY_CHANGED', id, null);
  return requireMemory(tx, tenantId, id);
}

/** Deletes a memory that becomes part of another one of its persona. */
async function absorb(
  tx: Tx,
  who: Requester,
  { id, personaId }: { readonly id: string; readonly personaId: string | null },
  other: string,
): Promise<void> {
  const { persona_id: its } = await requireMemory(tx, who.tenantId, other);
  if (other === id || its !== personaId) throw invalidField('absorbs', 'must be other memories of the same persona');
  await forget(tx, who, other);
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

/**
 * The same for an agent, which may forget what its persona remembers, and what is of none. False, and nothing is done, where there
 * is no such memory: a repeat does no harm.
 */
export async function forgetAs(tx: Tx, who: Requester, personaId: string | null, id: string): Promise<boolean> {
  const memory = await selectMemoryPersona(tx, who.tenantId, id);
  if (memory === undefined || (memory.personaId !== null && memory.personaId !== personaId)) return false;
  await forget(tx, who, id);
  return true;
}

/** A recall query and its scope. */
export type RecallWanted = SearchInput & Pick<RecallInput, 'persona_id'>;

/** Characters of a query that are looked at; the contract's bound, which a prompt may exceed. */
const QUERY_LENGTH = 2_000;

/**
 * What was remembered, or said in a session, with any of the query's words; best first, then newest. A persona narrows
 * memories to its own, and messages to those of runs whose agent had it. Where the query has a vector, what
 * is most like it matches too. No query fails: one without a word in it and without a vector matches nothing. Throws `not_found` for
 * a persona that is not there.
 */
export async function recall(
  tx: Tx,
  tenantId: string,
  input: RecallWanted,
  asked?: MemoryQuery,
): Promise<{ matches: RecallMatch[]; retrieval: Retrieval; backend: RecallBackend }> {
  const persona = await personaIdOf(tx, tenantId, input.persona_id);
  const personas = persona === undefined ? undefined : [persona];
  const { found, retrieval, backend } = await recallOf(tx, tenantId, input, personas, asked);
  return { matches: found.map(({ match }) => match), retrieval, backend };
}

/** The same for an agent: memories of its persona, and those of none. */
export async function recallAs(
  tx: Tx,
  tenantId: string,
  personaId: string | null,
  input: SearchInput,
  asked?: MemoryQuery,
): Promise<{ matches: RecallMatch[]; backend: RecallBackend }> {
  const { found, backend } = await recallOf(tx, tenantId, input, [personaId, null], asked);
  return { matches: found.map(({ match }) => match), backend };
}

async function recallOf(
  tx: Tx,
  tenantId: string,
  input: SearchInput,
  personas: readonly (string | null)[] | undefined,
  asked: MemoryQuery | undefined,
): ReturnType<typeof search> {
  return search(tx, tenantId, { ...input, query: input.query.slice(0, QUERY_LENGTH) }, personas, asked);
}

/**
 * What to show a model beside a prompt: the memories of a persona and those of none that fit it best, at most `topK`, each with where
 * it is from. A memory that shares a single term with the prompt is left out, unless the prompt has no other, or its vector is close, and
 * so is one that another came in the place of: that one is there instead.
 */
export async function recallContext(
  tx: Tx,
  tenantId: string,
  personaId: string | null,
  query: string,
  topK: number,
  asked?: MemoryQuery,
): Promise<{ text: string; source: string }[]> {
  const wanted = { query: query.slice(0, QUERY_LENGTH), top_k: topK, kinds: ['memory' as const] };
  const { terms, found } = await search(tx, tenantId, wanted, [personaId, null], asked);
  return found
    .filter((one) => isTelling(one, terms) && one.match.superseded_by === null)
    .map(({ match: { id, text } }) => ({ text, source: `memory ${id}` }));
}

function allowedTags(tags: readonly string[], rules: MemoryRules): string[] {
  return [...new Set(tags.map((tag, at) => allowedText(tag, rules, `tags.${at}`)))];
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
