import { recordAudit, type AuditEntry } from '@reeve/audit';
import type { NewRunEvent } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { requireLease, type Claim } from '@reeve/tasks';
import type { Feed } from './feed.ts';
import { appendEvents } from './log.ts';
import type { RunRecord } from './run.ts';

/** What a transition of a run adds to the record besides its rows. */
export interface Transition {
  readonly events?: readonly NewRunEvent[];
  readonly audit?: readonly Pick<AuditEntry, 'action' | 'details'>[];
  /** What it answers comes after the events above. */
  readonly write?: (tx: Tx) => Promise<readonly NewRunEvent[] | void>;
}

/** Commits one transition of a run. Throws `lease_lost`, having changed nothing, where the task has another holder. */
export type Commit = (transition: Transition) => Promise<void>;

/**
 * The only way a run changes while it is worked on: rows, events and audit in one transaction that holds the task's
 * lease. Transitions commit one after another, and readers hear of events only once they are committed.
 */
export function createCommitter(
  database: Database,
  feed: Feed,
  claim: Claim,
  run: RunRecord,
  afterSeq: number,
): Commit {
  let lastSeq = afterSeq;
  let before: Promise<unknown> = Promise.resolve();
  const about = {
    tenantId: run.tenantId,
    actor: `agent:${run.agentSlug}`,
    traceId: run.traceId,
    taskId: run.taskId,
    runId: run.id,
  };

  async function apply({ events = [], audit = [], write }: Transition): Promise<void> {
    const published = await inTenant(database.db, run.tenantId, async (tx) => {
      await requireLease(tx, claim);
      const more = (await write?.(tx)) ?? [];
      await recordAudit(
        tx,
        audit.map((entry) => ({ ...about, ...entry })),
      );
      return appendEvents(tx, run, lastSeq, [...events, ...more]);
    });
    lastSeq += published.length;
    if (published.length > 0) feed.publish(run.id, published);
  }

  return (transition) => {
    const mine = before.then(() => apply(transition));
    before = mine.catch(() => undefined);
    return mine;
  };
}
