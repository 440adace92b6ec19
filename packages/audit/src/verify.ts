import type { BreakReason, ChainBreak, ChainVerification } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { GENESIS, linkHash, type ChainPoint } from './chain.ts';
import {
  countAfter,
  isAfter,
  isLinked,
  isMoved,
  selectFromFuture,
  selectHead,
  selectLinks,
  START,
  type PlacedRow,
} from './chain-store.ts';
import { readPage, type LinkedRow, type Point } from './page.ts';

/** Links that are read at a time: what a verification holds in memory. */
const PAGE = 2_000;
/** Rows that are counted as not sealed. */
const COUNTED = 10_000;

export interface VerifyOptions {
  /** The first number to look at; what comes before is taken as it is. */
  readonly from?: number;
  /** How many links to look at; all unless given. */
  readonly limit?: number | undefined;
  /** A point that the chain must go through. */
  readonly anchor?: ChainPoint | undefined;
  /** Ends it, which throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Walks a tenant's chain as it is now, computes every hash anew and looks for rows that have no link, up to the first
 * thing that is wrong. It needs the memory of one page, and a transaction for each. Rows that are not sealed yet are counted
 * (up to 10,000), not checked.
 */
export async function verifyChain(
  database: Database,
  tenantId: string,
  { from = 1, limit = Infinity, anchor, signal }: VerifyOptions,
): Promise<ChainVerification> {
  const begin = await inTenant(database.db, tenantId, async (tx) => ({
    head: await selectHead(tx, tenantId),
    previous: from === 1 ? undefined : (await selectLinks(tx, tenantId, from - 2, from - 1))[0],
    anchored: anchor === undefined ? undefined : await anchorBreak(tx, tenantId, anchor),
  }));
  const { head, previous } = begin;
  const end = Math.min(head?.number ?? 0, from - 1 + limit);
  let last: Point = previous ?? { number: 0, hash: GENESIS, ...START };
  let broken: ChainBreak | undefined;
  if (previous === undefined && from > 1 && from - 1 <= (head?.number ?? 0))
    broken = { number: from - 1, id: null, reason: 'link_removed' };
  else if (from - 1 > (head?.number ?? 0)) broken = begin.anchored;
  while (broken === undefined && last.number < end) {
    signal?.throwIfAborted();
    const page = await inTenant(database.db, tenantId, (tx) => checkPage(tx, tenantId, last, end));
    broken = page.broken;
    last = page.last;
  }
  const rest = await inTenant(database.db, tenantId, async (tx) => ({
    unsealed: await countAfter(tx, tenantId, head ?? START, COUNTED),
    future: await selectFromFuture(tx, tenantId, head ?? START),
  }));
  if (broken === undefined && end === (head?.number ?? 0) && rest.future !== undefined)
    broken = { number: end + 1, id: rest.future, reason: 'row_inserted' };
  broken ??= begin.anchored;
  return {
    ok: broken === undefined,
    checked: Math.max(0, last.number - (from - 1)),
    ...(broken !== undefined && { first_broken: broken }),
    head: pointOf(head),
    unsealed: rest.unsealed,
    next: broken === undefined && end < (head?.number ?? 0) ? end + 1 : null,
  };
}

/** A point as it is told, to be written down. */
export function pointOf(point: ChainPoint | undefined): ChainPoint | null {
  return point === undefined ? null : { number: point.number, hash: point.hash };
}

/** What a point that somebody wrote down says against a chain, given the hash that the chain has there. */
export function anchorFault({ number, hash }: ChainPoint, found: string | undefined): ChainBreak | undefined {
  if (found === undefined) return { number, id: null, reason: 'anchor_missing' };
  return found === hash ? undefined : { number, id: null, reason: 'anchor_differs' };
}

async function anchorBreak(tx: Tx, tenantId: string, anchor: ChainPoint): Promise<ChainBreak | undefined> {
  const [link] = await selectLinks(tx, tenantId, anchor.number - 1, anchor.number);
  return anchorFault(anchor, link?.hash);
}

interface CheckedPage {
  /** The last link that was right. */
  readonly last: Point;
  readonly broken: ChainBreak | undefined;
}

async function checkPage(tx: Tx, tenantId: string, after: Point, end: number): Promise<CheckedPage> {
  const { links, others } = await readPage(tx, tenantId, after, end, PAGE);
  let last = after;
  let broken: ChainBreak | undefined;
  if (links.length === 0) broken = { number: after.number + 1, id: null, reason: 'link_removed' };
  for (const [index, link] of links.entries()) {
    const reason = faultOf(link, last);
    if (reason !== undefined) {
      broken = await breakOf(tx, tenantId, reason, last, link, links[index + 1], others);
      break;
    }
    last = link;
  }
  const [other] = others;
  const behind = other && links.find((link) => isAfter(link, other));
  if (other === undefined || behind === undefined || behind.number > (broken?.number ?? Infinity))
    return { last, broken };
  const reason = (await isLinked(tx, tenantId, other)) ? 'reordered' : 'row_inserted';
  const before = links.find(({ number }) => number === behind.number - 1) ?? after;
  return { last: before, broken: { number: behind.number, id: other.id, reason } };
}

/** What is wrong with a link behind one that is right. */
function faultOf(link: LinkedRow, last: Point): BreakReason | undefined {
  if (link.number !== last.number + 1) return 'link_removed';
  if (!isAfter(link, last)) return 'reordered';
  if (link.row === undefined) return 'row_removed';
  return link.row.id === link.auditId && linkHash(last.hash, link.number, link.row) === link.hash
    ? undefined
    : 'row_changed';
}

/** The same, told as exactly as its surroundings allow. */
async function breakOf(
  tx: Tx,
  tenantId: string,
  reason: BreakReason,
  last: Point,
  link: LinkedRow,
  next: LinkedRow | undefined,
  others: readonly PlacedRow[],
): Promise<ChainBreak> {
  const number = last.number + 1;
  if (reason === 'link_removed') {
    const unlinked = others.find((row) => isAfter(row, last) && isAfter(link, row));
    return { number, id: unlinked?.id ?? null, reason };
  }
  if (reason === 'row_changed' && link.row !== undefined) {
    if (await isMoved(tx, tenantId, link, link.row.id)) return { number, id: link.auditId, reason: 'reordered' };
    // Where the next link goes on from what the row's hash would be, the row is as it was.
    const right = linkHash(last.hash, number, link.row);
    if (next?.row !== undefined && linkHash(right, next.number, next.row) === next.hash)
      return { number, id: link.row.id, reason: 'link_changed' };
  }
  return { number, id: link.auditId, reason };
}
