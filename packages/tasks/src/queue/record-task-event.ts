import { recordJournal } from '@reeve/audit';
import type { JournalType } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import type { PostCommitEffects } from './post-commit-effects.ts';
import type { TaskIdentity } from './task.ts';

/** The content of a journal entry about a task. */
export interface TaskEventInput {
  readonly type: JournalType;
  /** One sentence for people. */
  readonly summary: string;
  /** A user id; `system` by default. */
  readonly actor?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Adds an entry about a task to the journal and returns the entry's id. */
export async function recordTaskEvent(
  tx: Tx,
  { id: taskId, tenantId, agentId, sessionId, traceId }: TaskIdentity,
  event: TaskEventInput,
  effects: PostCommitEffects,
): Promise<string> {
  effects.journals.add(tenantId);
  const [entryId] = await recordJournal(tx, [{ tenantId, agentId, taskId, sessionId, traceId, ...event }]);
  return entryId!;
}
