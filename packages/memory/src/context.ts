import type { Tx } from '@reeve/db';
import { soulOf } from './knowledge/documents.ts';
import { tellingChunks } from './knowledge/search.ts';
import { recallContext } from './memories.ts';
import { offerPlaybooks, playbookItem } from './playbooks/playbooks.ts';
import type { MemoryQuery } from './query-embedders.ts';
import type { RunContextItem } from './run-context-item.ts';

export interface ContextQuery {
  readonly tenantId: string;
  /** Null: an agent without a persona, which has no knowledge bases. */
  readonly personaId: string | null;
  /** The run’s input. */
  readonly query: string;
  /** The input’s vector, if it has one. */
  readonly asked?: MemoryQuery | undefined;
}

/** Characters of all quotes together: about four thousand tokens. A Soul does not count. */
const BUDGET = 16_000;
/** Characters of one item. */
const LONGEST = 2_000;
const TOP_MEMORIES = 5;
const TOP_CHUNKS = 5;
const TOP_PLAYBOOKS = 2;
const QUERY_LENGTH = 2_000;

/**
 * What a run begins with: its persona's Soul whole, then what its knowledge bases say, what was remembered and what worked before, as far as it fits;
 * the best of each come first.
 */
export async function contextFor(
  tx: Tx,
  { tenantId, personaId, query: input, asked }: ContextQuery,
): Promise<RunContextItem[]> {
  const query = input.slice(0, QUERY_LENGTH);
  const soul = personaId === null ? '' : await soulOf(tx, tenantId, personaId);
  const chunks = personaId === null ? [] : await knowledgeContext(tx, tenantId, personaId, query, asked);
  const offered = await offerPlaybooks(tx, { tenantId, personaId }, query, TOP_PLAYBOOKS, asked);
  const playbooks = offered.map(playbookItem);
  const memories = await recallContext(tx, tenantId, personaId, query, TOP_MEMORIES, asked);
  const quoted = withinBudget(takeTurns(chunks, memories, playbooks));
  return soul === '' ? quoted : [{ kind: 'soul', text: soul, source: 'soul' }, ...quoted];
}

async function knowledgeContext(
  tx: Tx,
  tenantId: string,
  personaId: string,
  query: string,
  asked: MemoryQuery | undefined,
): Promise<RunContextItem[]> {
  const knowledgeBases = ['Domain-KB', 'Body-KB', 'Mind-KB'] as const;
  const wanted = { query, topK: TOP_CHUNKS, knowledgeBases, personaId, asked };
  const matches = await tellingChunks(tx, tenantId, wanted);
  return matches.map(({ text, source, title, headings, document_id: document, position }) => ({
    text: underHeadings(text, headings),
    source: `${source ?? title ?? 'document'} (document ${document}, part ${position})`,
  }));
}

/** A chunk with the headings that it does not begin with itself. */
function underHeadings(text: string, headings: readonly string[]): string {
  const last = headings.at(-1);
  const above = last !== undefined && text.startsWith(last) ? headings.slice(0, -1) : headings;
  return above.length === 0 ? text : `${above.join(' › ')}\n${text}`;
}

/** The first of each list, then the second of each, and so on. */
function takeTurns<Item>(...lists: readonly (readonly Item[])[]): Item[] {
  const longest = Math.max(...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, at) => lists.flatMap((list) => list.slice(at, at + 1))).flat();
}

/** Takes items while they fit; an item that is too long is truncated and marked. */
function withinBudget(items: readonly RunContextItem[]): RunContextItem[] {
  let left = BUDGET;
  const kept: RunContextItem[] = [];
  for (const item of items) {
    const text = item.text.length <= LONGEST ? item.text : `${item.text.slice(0, LONGEST).toWellFormed()} […]`;
    left -= text.length;
    if (left < 0) break;
    kept.push({ ...item, text });
  }
  return kept;
}
