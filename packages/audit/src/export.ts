import { inTenant, type Database } from '@reeve/db';
import { canonicalJson } from './canonical-json.ts';
import { GENESIS, type ChainPoint } from './chain.ts';
import { selectHead, selectLinks, selectRange, START } from './chain-store.ts';
import { readPage, type LinkedRow, type Point } from './page.ts';
import { pointOf } from './verify.ts';

/** Links that are read at a time. */
const PAGE = 500;

/** The last line of an export. */
export interface ExportEnd {
  readonly exported: number;
  /** The last row that was exported. */
  readonly last: ChainPoint | null;
  /** Where the chain ended. */
  readonly head: ChainPoint | null;
}

/**
 * A tenant's sealed rows as lines of JSON, in the order of the chain, and a last line that is an `ExportEnd`. With a range of
 * times: from the first row in it to the last, with all that the chain has between them, so that the links stay whole. A link
 * whose row is gone is a line without the row's fields. Ends early where the signal aborts, without that last line.
 */
export async function* exportChain(
  database: Database,
  tenantId: string,
  range: { from?: string | undefined; to?: string | undefined },
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  const { head, between, before } = await inTenant(database.db, tenantId, async (tx) => {
    const head = await selectHead(tx, tenantId);
    const all = head === undefined ? undefined : { first: 1, last: head.number };
    const timed = range.from !== undefined || range.to !== undefined;
    const between = timed ? await selectRange(tx, tenantId, range) : all;
    const first = between?.first ?? 1;
    const [before] = await selectLinks(tx, tenantId, first - 2, first - 1);
    return { head, between, before };
  });
  let last: Point | undefined;
  let exported = 0;
  let after: Point = before ?? { ...START, number: (between?.first ?? 1) - 1, hash: GENESIS };
  while (between !== undefined && after.number < between.last) {
    if (signal.aborted) return;
    const { links } = await inTenant(database.db, tenantId, (tx) => readPage(tx, tenantId, after, between.last, PAGE));
    for (const link of links) {
      yield lineOf(link, last?.hash ?? after.hash);
      last = link;
      exported += 1;
    }
    after = last !== undefined && last.number > after.number ? last : { ...after, number: after.number + PAGE };
  }
  const end: ExportEnd = { exported, last: pointOf(last), head: pointOf(head) };
  yield JSON.stringify(end);
}

function lineOf({ number, auditId, hash, row }: LinkedRow, previous: string): string {
  if (row === undefined) return JSON.stringify({ number, id: auditId, previous_hash: previous, hash });
  const { details, xid: _, position: __, ...fields } = row;
  const begin = JSON.stringify({ number, ...fields });
  return `${begin.slice(0, -1)},"details":${canonicalJson(details)},"previous_hash":"${previous}","hash":"${hash}"}`;
}
