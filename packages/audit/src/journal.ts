import type { JournalType } from '@reeve/contract';
import { json, type Tx } from '@reeve/db';
import { journalIdOf } from './journal-id.ts';

/** Something that happened to a task, an approval or a schedule. */
export interface NewJournalEntry {
  readonly tenantId: string;
  readonly type: JournalType;
  /** One sentence for people. */
  readonly summary: string;
  readonly agentId?: string | null;
  readonly taskId?: string | null;
  readonly scheduleId?: string | null;
  readonly sessionId?: string | null;
  readonly traceId?: string | null;
  /** A user id; `system` where left out. */
  readonly actor?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Adds entries to the journal in the transaction of what they tell of, and answers their ids. After the commit
 * `reeve_journal` is to be notified with the tenant, so that live readers see them at once.
 */
export async function recordJournal(tx: Tx, entries: readonly NewJournalEntry[]): Promise<string[]> {
  if (entries.length === 0) return [];
  const rows = await tx
    .insertInto('journal')
    .values(
      entries.map((entry) => ({
        tenant_id: entry.tenantId,
        type: entry.type,
        agent_id: entry.agentId ?? null,
        task_id: entry.taskId ?? null,
        schedule_id: entry.scheduleId ?? null,
        session_id: entry.sessionId ?? null,
        trace_id: entry.traceId ?? null,
        actor: entry.actor ?? 'system',
        summary: entry.summary,
        details: json(entry.details ?? {}),
      })),
    )
    .returning(['xid', 'position'])
    .execute();
  return rows.map(journalIdOf);
}
