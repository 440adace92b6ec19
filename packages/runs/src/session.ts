import type { Tx } from '@reeve/db';
import { appendMessages, listMessages } from '@reeve/memory';
import { HISTORY_LIMIT, historyOf, messagesOf, placedHistory, type PlacedMessage } from './conversation.ts';
import type { RunMessage, RunRecord, StepRecord, Summary } from './run.ts';
import { selectSessionSummary } from './store/step.ts';

/** What a session held up to a position, as a model is shown it. */
export async function readHistory(tx: Tx, tenantId: string, sessionId: string, until: number): Promise<RunMessage[]> {
  if (until === 0) return [];
  return historyOf(await listMessages(tx, tenantId, sessionId, { until, limit: HISTORY_LIMIT }));
}

/**
 * The newest summary that an earlier run of the session made, and how many messages of this run's history it stands for. Undefined
 * where there is none, and where the history begins only after what it summed up.
 */
export async function findSessionSummary(
  tx: Tx,
  run: Pick<RunRecord, 'id' | 'tenantId' | 'sessionId' | 'historyUntil'>,
): Promise<Summary | undefined> {
  const found = await selectSessionSummary(tx, run);
  if (found === undefined) return undefined;
  const read = async (until: number): Promise<PlacedMessage[]> =>
    placedHistory(await listMessages(tx, run.tenantId, run.sessionId, { until, limit: HISTORY_LIMIT }));
  // It may stand for messages of its own run too, which are in the session behind that run's history: they are shown again.
  const last = (await read(found.historyUntil)).slice(0, found.summary.messages).at(-1);
  if (last === undefined) return undefined;
  const messages = (await read(run.historyUntil)).filter(({ position }) => position <= last.position).length;
  return messages === 0 ? undefined : { text: found.summary.text, messages };
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
