import type { Tx } from '@reeve/db';
import { appendMessages, listMessages } from '@reeve/memory';
import { HISTORY_LIMIT, historyOf, messagesOf } from './conversation.ts';
import type { RunMessage, RunRecord, StepRecord } from './run.ts';

/** What a session held up to a position, as a model is shown it. */
export async function readHistory(tx: Tx, tenantId: string, sessionId: string, until: number): Promise<RunMessage[]> {
  if (until === 0) return [];
  return historyOf(await listMessages(tx, tenantId, sessionId, { until, limit: HISTORY_LIMIT }));
}

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
