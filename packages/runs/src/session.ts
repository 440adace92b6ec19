import type { Tx } from '@reeve/db';
import { appendMessages } from '@reeve/memory';
import { messagesOf, type RunRecord, type StepRecord } from './run.ts';

/** Adds what a completed run did and answered to its session. A session deleted meanwhile stays deleted. */
export async function appendAnswer(
  tx: Tx,
  run: RunRecord,
  steps: readonly StepRecord[],
  answer: string,
): Promise<void> {
  const alive = await tx
    .selectFrom('sessions')
    .select('id')
    .where('tenant_id', '=', run.tenantId)
    .where('id', '=', run.sessionId)
    .forUpdate()
    .executeTakeFirst();
  if (alive === undefined) return;
  await appendMessages(
    tx,
    run.tenantId,
    run.sessionId,
    messagesOf(steps, answer).map((message) => ({ ...message, runId: run.id })),
  );
}
