import { isUniqueViolation, type Database } from '@reeve/db';
import { counter } from '@reeve/kit';
import { GENESIS, linkHash } from './chain.ts';
import { countAfter, insertLinks, lockChain, selectFinal, selectHead, START } from './chain-store.ts';

/** Rows that one transaction seals. */
const BATCH = 1_000;

/** Batches that a reader seals before it reads: a log of before the chain is left to the sealer. */
const READER_BATCHES = 20;

const sealed = counter('reeve_audit_sealed_total', 'Audit rows that were given their link.');

export interface SealOptions {
  /** Whether to wait where another process seals the chain. */
  readonly wait: boolean;
  /** Transactions after which it stops. */
  readonly batches?: number;
  readonly signal?: AbortSignal;
}

/**
 * Links a tenant's final rows to the end of its chain, each batch in a transaction of its own. Any number of processes may:
 * one at a time works on a chain. `done`: every row has its link; `left`: some are not final yet, or there was no time;
 * `busy`: another is at it.
 */
export async function sealChain(
  database: Database,
  tenantId: string,
  { wait, batches = Infinity, signal }: SealOptions,
): Promise<'done' | 'left' | 'busy'> {
  for (let done = 0; done < batches && !signal?.aborted; done += 1) {
    const outcome = await sealBatch(database, tenantId, wait);
    if (outcome !== 'more') return outcome;
  }
  return 'left';
}

/** Seals what a reader of the chain is to find sealed. Where the chain is broken it stays as it is, for the reader to say so. */
export async function sealForReader(database: Database, tenantId: string, signal: AbortSignal): Promise<void> {
  await sealChain(database, tenantId, { wait: true, batches: READER_BATCHES, signal }).catch((error: unknown) => {
    if (!isUniqueViolation(error)) throw error;
  });
}

function sealBatch(database: Database, tenantId: string, wait: boolean): Promise<'done' | 'left' | 'busy' | 'more'> {
  return database.db.transaction().execute(async (tx) => {
    if (!(await lockChain(tx, tenantId, wait))) return 'busy';
    const head = await selectHead(tx, tenantId);
    const rows = await selectFinal(tx, tenantId, head ?? START, BATCH);
    let { number, hash } = head ?? { number: 0, hash: GENESIS };
    const links = rows.map(({ xid, position, ...row }) => {
      number += 1;
      hash = linkHash(hash, number, row);
      return { number, hash, xid, position, auditId: row.id };
    });
    if (links.length > 0) await insertLinks(tx, tenantId, links);
    sealed.inc(links.length);
    if (links.length === BATCH) return 'more';
    return (await countAfter(tx, tenantId, links.at(-1) ?? head ?? START, 1)) > 0 ? 'left' : 'done';
  });
}
