import { recordJournal } from '@reeve/audit';
import type { JournalType, Task } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import type { PostCommitEffects } from './post-commit-effects.ts';

/** What a journal entry says of a task. */
export interface Telling {
  readonly type: JournalType;
  /** One sentence for people. */
  readonly summary: string;
  /** A user id; `system` where left out. */
  readonly actor?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Adds an entry to the journal of a task, and answers its id. */
export async function tell(tx: Tx, task: Task, telling: Telling, effects: PostCommitEffects): Promise<string> {
  effects.journals.add(task.tenant_id);
  const [id] = await recordJournal(tx, [
    {
      tenantId: task.tenant_id,
      agentId: task.agent_id,
      taskId: task.id,
      sessionId: task.session_id,
      traceId: task.trace_id,
      ...telling,
    },
  ]);
  return id!;
}
