import type { Db, Tx } from '@reeve/db';
import { sql } from 'kysely';
import type { Space } from '../space.ts';

/** A term of a space. `tail`: its newest postings. */
export interface TermRow {
  readonly term: string;
  readonly number: number;
  /** Texts that have it. */
  readonly count: number;
  readonly tail: Uint8Array;
}

/** An indexed text. `terms`: the numbers of its terms. */
export interface EntryRow {
  readonly entry: number;
  readonly ref: string;
  readonly length: number;
  readonly terms: Uint8Array;
}

/** Postings of a term that are not in its tail. `first`: no entry in it is below. */
export interface BlockRow {
  readonly number: number;
  readonly first: number;
  readonly data: Uint8Array;
}

/** Arrays of bytes go as text: drivers write them differently. */
const hex = (all: readonly Uint8Array[]) => all.map((bytes) => Buffer.from(bytes).toString('hex'));

/*
 * Many rows are found one by one, by their keys (`lateral … offset 0`): a plan that is kept would read all rows of a space and compare
 * each with every key.
 */

export async function selectTerms(tx: Tx, { id }: Space, terms: readonly string[]): Promise<TermRow[]> {
  const { rows } = await sql<TermRow>`
    select t.* from unnest(${terms}::text[]) as wanted(term) cross join lateral (
      select term, number, count, tail from lexical_terms where space_id = ${id} and term = wanted.term offset 0
    ) t`.execute(tx);
  return rows;
}

export async function selectTermsByNumber(tx: Tx, { id }: Space, numbers: readonly number[]): Promise<TermRow[]> {
  const { rows } = await sql<TermRow>`
    select t.* from unnest(${numbers}::int[]) as wanted(number) cross join lateral (
      select term, number, count, tail from lexical_terms where space_id = ${id} and number = wanted.number offset 0
    ) t`.execute(tx);
  return rows;
}

/** Adds terms and replaces those that are there. */
export async function upsertTerms(tx: Tx, { id, tenantId }: Space, rows: readonly TermRow[]): Promise<void> {
  await sql`
    insert into lexical_terms (space_id, tenant_id, term, number, count, tail)
    select ${id}, ${tenantId}, term, number, count, decode(tail, 'hex')
    from unnest(${rows.map(({ term }) => term)}::text[], ${rows.map(({ number }) => number)}::int[],
      ${rows.map(({ count }) => count)}::int[], ${hex(rows.map(({ tail }) => tail))}::text[]) as t(term, number, count, tail)
    on conflict (space_id, term) do update set count = excluded.count, tail = excluded.tail`.execute(tx);
}

/** Deletes terms with all their postings. */
export async function deleteTerms(tx: Tx, { id }: Space, numbers: readonly number[]): Promise<void> {
  for (const table of ['lexical_terms', 'lexical_blocks'])
    await sql`
      delete from ${sql.table(table)} where ctid = any(array(
        select found.ctid from unnest(${numbers}::int[]) as wanted(number) cross join lateral (
          select ctid from ${sql.table(table)} where space_id = ${id} and number = wanted.number offset 0
        ) found
      ))`.execute(tx);
}

/** The blocks in which an entry of a term would be; `numbers` and `entries` are pairs. */
export async function selectBlocks(
  tx: Tx,
  { id }: Space,
  numbers: readonly number[],
  entries: readonly number[],
): Promise<BlockRow[]> {
  const { rows } = await sql<BlockRow>`
    select distinct on (number, first) b.number, b.first, b.data
    from unnest(${numbers}::int[], ${entries}::int[]) as wanted(number, entry)
    cross join lateral (
      select * from lexical_blocks where space_id = ${id} and number = wanted.number and first <= wanted.entry
      order by first desc limit 1
    ) b`.execute(tx);
  return rows;
}

/** Adds blocks and replaces those that are there. */
export async function upsertBlocks(tx: Tx, { id, tenantId }: Space, rows: readonly BlockRow[]): Promise<void> {
  await sql`
    insert into lexical_blocks (space_id, tenant_id, number, first, data)
    select ${id}, ${tenantId}, number, first, decode(data, 'hex')
    from unnest(${rows.map(({ number }) => number)}::int[], ${rows.map(({ first }) => first)}::int[],
      ${hex(rows.map(({ data }) => data))}::text[]) as b(number, first, data)
    on conflict (space_id, number, first) do update set data = excluded.data`.execute(tx);
}

export async function deleteBlocks(
  tx: Tx,
  { id }: Space,
  rows: readonly { number: number; first: number }[],
): Promise<void> {
  await sql`
    delete from lexical_blocks b
    using unnest(${rows.map(({ number }) => number)}::int[], ${rows.map(({ first }) => first)}::int[]) as gone(number, first)
    where b.space_id = ${id} and b.number = gone.number and b.first = gone.first`.execute(tx);
}

export async function insertEntries(tx: Tx, { id, tenantId }: Space, rows: readonly EntryRow[]): Promise<void> {
  await sql`
    insert into lexical_entries (space_id, tenant_id, entry, ref, length, terms)
    select ${id}, ${tenantId}, entry, ref, length, decode(terms, 'hex')
    from unnest(${rows.map(({ entry }) => entry)}::int[], ${rows.map(({ ref }) => ref)}::text[],
      ${rows.map(({ length }) => length)}::int[], ${hex(rows.map(({ terms }) => terms))}::text[]) as e(entry, ref, length, terms)`.execute(
    tx,
  );
}

/** Takes entries out and answers them; those that are not there are left out. */
export async function deleteEntries(tx: Tx, { id }: Space, refs: readonly string[]): Promise<EntryRow[]> {
  const { rows } = await sql<EntryRow>`
    delete from lexical_entries where ctid = any(array(
      select found.ctid from unnest(${refs}::text[]) as wanted(ref) cross join lateral (
        select ctid from lexical_entries where space_id = ${id} and ref = wanted.ref offset 0
      ) found
    )) returning entry, ref, length, terms`.execute(tx);
  return rows;
}

/** Counts texts that came (or went: negative), and keeps the numbers that come next. */
export async function updateSpace(
  tx: Tx,
  { id }: Space,
  change: { entries: number; length: number; nextEntry?: number; nextTerm?: number },
): Promise<void> {
  await sql`
    update lexical_spaces set entries = entries + ${change.entries}, length = length + ${change.length},
      next_entry = coalesce(${change.nextEntry ?? null}::int, next_entry), next_term = coalesce(${change.nextTerm ?? null}::int, next_term)
    where id = ${id}`.execute(tx);
}

/** What a ranking has to know of a space. */
export interface SpaceRow {
  readonly id: number;
  readonly kind: string;
  readonly entries: number;
  readonly length: number;
}

export async function selectSpaces(db: Db, tenantId: string, ids: readonly number[]): Promise<SpaceRow[]> {
  const { rows } = await sql<SpaceRow>`
    select id, kind, entries, length from lexical_spaces
    where tenant_id = ${tenantId} and id = any(${ids}::int[]) order by id`.execute(db);
  return rows;
}

/** Postings of a term in a space. `count` is 0 where they are not its tail. */
export interface PostingsRow {
  readonly space_id: number;
  readonly term: string;
  readonly count: number;
  readonly data: Uint8Array;
}

/** All postings of these terms, as they are at one moment. */
export async function selectPostings(
  db: Db,
  tenantId: string,
  ids: readonly number[],
  terms: readonly string[],
): Promise<PostingsRow[]> {
  const { rows } = await sql<PostingsRow>`
    with found as materialized (
      select space_id, term, number, count, tail from lexical_terms
      where tenant_id = ${tenantId} and space_id = any(${ids}::int[]) and term = any(${terms}::text[])
    )
    select space_id, term, count, tail as data from found
    union all
    select f.space_id, f.term, 0, b.data from found f
    cross join lateral (
      select data from lexical_blocks where space_id = f.space_id and number = f.number and tenant_id = ${tenantId} offset 0
    ) b`.execute(db);
  return rows;
}

/** The names of entries by their numbers; those that are gone are left out. */
export async function selectRefs(
  db: Db,
  { id, tenantId }: Space,
  entries: readonly number[],
): Promise<Map<number, string>> {
  const { rows } = await sql<{ entry: number; ref: string }>`
    select entry, ref from lexical_entries
    where tenant_id = ${tenantId} and space_id = ${id} and entry = any(${entries}::int[])`.execute(db);
  return new Map(rows.map(({ entry, ref }) => [entry, ref]));
}
