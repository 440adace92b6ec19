import type { Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import { dropChangedVectors, dropVectors } from '../vectors/drop.ts';
import { analyze } from './analyze.ts';
import {
  decodeNumbers,
  decodePostings,
  encodeNumbers,
  encodePostings,
  lengthCode,
  MOST_ENTRIES,
  packPostings,
  type Posting,
} from './postings.ts';
import { lockSpace, type Space } from '../space.ts';
import type { IndexedText } from '../text.ts';
import * as store from './store.ts';
import type { BlockRow, EntryRow, TermRow } from './store.ts';

/** A text that has been taken apart: `frequencies` is how often each term is there, `length` how long all of it is, both weighted. */
export interface AnalyzedText extends IndexedText {
  readonly length: number;
  readonly frequencies: ReadonlyMap<string, number>;
}

/** Takes texts apart, for `indexTexts`: before a transaction begins, so that nobody waits for it. */
export function analyzeTexts(texts: readonly IndexedText[]): AnalyzedText[] {
  return texts.map((text) => ({ ...text, ...countTerms(text.fields) }));
}

/** Texts that are written at a time: bounds memory, not a transaction. */
const BATCH = 2_000;

/**
 * Adds texts to a space, and replaces those whose ref is there. What has no term in it is not found by any. Other writers of the
 * space wait until the transaction ends. Throws `not_found` where there is no such space.
 */
export async function indexTexts(
  tx: Tx,
  space: Space,
  texts: readonly IndexedText[] | readonly AnalyzedText[],
): Promise<void> {
  if (texts.length === 0) return;
  let next = await lockSpace(tx, space);
  const last = [...new Map(texts.map((text) => [text.ref, text])).values()];
  for (let at = 0; at < last.length; at += BATCH) {
    const some = last.slice(at, at + BATCH);
    const refs = some.map(({ ref }) => ref);
    await takeOut(tx, space, refs);
    await dropChangedVectors(tx, space, some);
    const analyzed = some.map((text) => ('frequencies' in text ? text : { ...text, ...countTerms(text.fields) }));
    next = await putIn(tx, space, next, analyzed);
  }
}

/** Takes texts out of a space, with their vectors; of their terms nothing stays that no other text has. Refs that are not there are passed over. */
export async function unindexTexts(tx: Tx, space: Space, refs: readonly string[]): Promise<void> {
  if (refs.length === 0) return;
  await lockSpace(tx, space);
  for (let at = 0; at < refs.length; at += BATCH) await takeOut(tx, space, refs.slice(at, at + BATCH));
  await dropVectors(tx, space, refs);
}

async function putIn(
  tx: Tx,
  space: Space,
  { nextEntry, nextTerm }: { nextEntry: number; nextTerm: number },
  texts: readonly AnalyzedText[],
): Promise<{ nextEntry: number; nextTerm: number }> {
  const analyzed = texts.filter(({ frequencies }) => frequencies.size > 0);
  if (nextEntry + analyzed.length > MOST_ENTRIES)
    throw new ReeveError('conflict', `the lexical space ${space.id} has numbered as many texts as it can`);
  const added = new Map<string, Posting[]>();
  for (const [index, { length, frequencies }] of analyzed.entries()) {
    const code = lengthCode(length);
    for (const [term, frequency] of frequencies) {
      const posting = { entry: nextEntry + index, frequency, code };
      const postings = added.get(term);
      if (postings === undefined) added.set(term, [posting]);
      else postings.push(posting);
    }
  }
  const known = new Map((await store.selectTerms(tx, space, [...added.keys()])).map((row) => [row.term, row]));
  const terms: TermRow[] = [];
  const blocks: BlockRow[] = [];
  const numberOf = new Map<string, number>();
  let next = nextTerm;
  for (const [term, postings] of added) {
    const row = known.get(term);
    const number = row?.number ?? next++;
    numberOf.set(term, number);
    const { full, tail } = append(row?.tail, postings);
    for (const { first, data } of full) blocks.push({ number, first, data });
    terms.push({ term, number, count: (row?.count ?? 0) + postings.length, tail });
  }
  if (terms.length > 0) await store.upsertTerms(tx, space, terms);
  if (blocks.length > 0) await store.upsertBlocks(tx, space, blocks);
  if (analyzed.length === 0) return { nextEntry, nextTerm };
  const entries = analyzed.map(({ ref, length, frequencies }, index) => {
    const numbers = [...frequencies.keys()].map((term) => numberOf.get(term)!).sort((a, b) => a - b);
    return { entry: nextEntry + index, ref, length, terms: encodeNumbers(numbers) };
  });
  await store.insertEntries(tx, space, entries);
  const numbers = { nextEntry: nextEntry + analyzed.length, nextTerm: next };
  await store.updateSpace(tx, space, { entries: entries.length, length: sumOf(entries), ...numbers });
  return numbers;
}

/** How often each term is there, and how long all of it is, both weighted. */
function countTerms(fields: IndexedText['fields']): { length: number; frequencies: Map<string, number> } {
  const frequencies = new Map<string, number>();
  let length = 0;
  for (const { text, weight } of fields) {
    const analyzed = analyze(text);
    for (const term of analyzed.terms) frequencies.set(term, (frequencies.get(term) ?? 0) + weight);
    length += analyzed.length * weight;
  }
  return { length, frequencies };
}

/** A tail with more postings behind it; what is too much for a tail becomes blocks. */
function append(tail: Uint8Array | undefined, postings: readonly Posting[]) {
  if (tail === undefined || tail.length === 0) return packPostings(postings);
  return packPostings([...decodePostings(tail), ...postings]);
}

async function takeOut(tx: Tx, space: Space, refs: readonly string[]): Promise<void> {
  const gone = await store.deleteEntries(tx, space, refs);
  if (gone.length === 0) return;
  const entriesOf = new Map<number, Set<number>>();
  for (const { entry, terms } of gone)
    for (const number of decodeNumbers(terms)) {
      const entries = entriesOf.get(number);
      if (entries === undefined) entriesOf.set(number, new Set([entry]));
      else entries.add(entry);
    }
  const rows = await store.selectTermsByNumber(tx, space, [...entriesOf.keys()]);
  const kept: TermRow[] = [];
  const empty: number[] = [];
  const elsewhere: { number: number; entry: number }[] = [];
  for (const { term, number, count, tail } of rows) {
    const entries = entriesOf.get(number)!;
    if (count === entries.size) {
      empty.push(number);
      continue;
    }
    const postings = decodePostings(tail);
    const left = postings.filter(({ entry }) => !entries.has(entry));
    const isChanged = left.length < postings.length;
    kept.push({ term, number, count: count - entries.size, tail: isChanged ? encodePostings(left) : tail });
    const from = postings[0]?.entry ?? Infinity;
    for (const entry of entries) if (entry < from) elsewhere.push({ number, entry });
  }
  if (elsewhere.length > 0) await takeOutOfBlocks(tx, space, entriesOf, elsewhere);
  if (kept.length > 0) await store.upsertTerms(tx, space, kept);
  if (empty.length > 0) await store.deleteTerms(tx, space, empty);
  await store.updateSpace(tx, space, { entries: -gone.length, length: -sumOf(gone) });
}

async function takeOutOfBlocks(
  tx: Tx,
  space: Space,
  entriesOf: ReadonlyMap<number, ReadonlySet<number>>,
  wanted: readonly { number: number; entry: number }[],
): Promise<void> {
  const numbers = wanted.map(({ number }) => number);
  const entries = wanted.map(({ entry }) => entry);
  const changed: BlockRow[] = [];
  const empty: BlockRow[] = [];
  for (const row of await store.selectBlocks(tx, space, numbers, entries)) {
    const gone = entriesOf.get(row.number)!;
    const left = decodePostings(row.data).filter(({ entry }) => !gone.has(entry));
    if (left.length === 0) empty.push(row);
    else changed.push({ ...row, data: encodePostings(left) });
  }
  if (changed.length > 0) await store.upsertBlocks(tx, space, changed);
  if (empty.length > 0) await store.deleteBlocks(tx, space, empty);
}

function sumOf(entries: readonly Pick<EntryRow, 'length'>[]): number {
  return entries.reduce((sum, { length }) => sum + length, 0);
}
