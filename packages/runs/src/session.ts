import type { Tx } from '@reeve/db';
import { appendMessages } from '@reeve/memory';
import { messagesOf } from './conversation.ts';
import type { RunRecord, StepRecord } from './run.ts';

/** Adds what a run did, and what it answered where it did, to its session. A session deleted meanwhile stays deleted. */
export async function appendSteps(
  tx: Tx,
  run: Pick<RunRecord, 'id' | 'tenantId' | 'sessionId'>,
  steps: readonly StepRecord[],
  answer: string | null,
): Promise<void> {
  const alive = await tx
    .selectFrom('sessions')
    .select('id')
    .where('tenant_id', '=', run.tenantId)
    .where('id', '=', run.sessionId)
    .forUpdate()
    .executeTakeFirst();
  if (alive === undefined) return;
  const messages = messagesOf(steps, answer).map((message) => ({ runId: run.id, ...message }));
  await appendMessages(tx, run.tenantId, run.sessionId, messages);
}
