import type { ToolOutcome } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import { lockForResume, queueTransaction, resumeTask, type Requester } from '@reeve/tasks';
import { readCallerCallId } from './caller-tools.ts';
import type { RunRecord } from './run.ts';
import type { StartedRun, StartParts } from './start.ts';
import { lockCallerCalls, updateAnswered, type AnswerableCall } from './store/caller-tools.ts';
import { selectLastSeq } from './store/event.ts';
import { selectRunRecord, updateResumed } from './store/run.ts';
import { selectStepRecords } from './store/step.ts';

/** What a caller says that a call of its tool came to. */
export interface CallerAnswer {
  /** The id that the caller was given. */
  readonly callId: string;
  readonly outcome: ToolOutcome;
}

/** The run that answers were for, and the last of its events before the first of them. */
export type AnsweredRun = StartedRun & { readonly after: number };

/**
 * Gives the results of calls to the run that waits for them, which goes on. A result that was given before changes nothing, and
 * resolves as it did then. Throws `invalid_request` where no run of this caller waits for one of them, as for a call of the
 * agent’s own tools, and where they belong to several runs; nothing is changed then.
 */
export async function answerCalls(
  { database, handler }: Pick<StartParts, 'database' | 'handler'>,
  requester: Requester,
  answers: readonly CallerAnswer[],
): Promise<AnsweredRun> {
  const { tenantId, userId } = requester;
  const given = answers.map(({ callId, outcome }) => {
    const call = readCallerCallId(callId);
    if (call === undefined) throw notWaiting(callId);
    return { ...call, callId, outcome };
  });
  const [first] = given;
  if (first === undefined) throw new ReeveError('internal', 'there is no result');
  const other = given.find(({ runId }) => runId !== first.runId);
  if (other !== undefined)
    throw new ReeveError('invalid_request', `the calls ${first.callId} and ${other.callId} are of two runs`);
  return queueTransaction(database, handler, tenantId, async (tx, effects) => {
    const read = () => selectRunRecord(tx, tenantId, { id: first.runId });
    const found = await read();
    if (found === undefined || found.userId !== userId) throw notWaiting(first.callId);
    await lockForResume(tx, found.taskId);
    const run = (await read()) ?? found;
    const calls = await lockCallerCalls(tx, tenantId, run.id);
    const seq = await selectLastSeq(tx, run.id);
    const hasEnded = run.status !== 'queued' && run.status !== 'running';
    let fresh = 0;
    for (const { step, callId, outcome } of given) {
      const call = calls.find((one) => one.step === step);
      if (call === undefined) throw await refusal(tx, run, step, callId);
      if (call.answeredSeq !== null) continue;
      requireWaiting(call, callId, hasEnded);
      await updateAnswered(tx, run.id, step, outcome, seq);
      fresh += 1;
    }
    if (fresh > 0) {
      await updateResumed(tx, run.id);
      await resumeTask(tx, handler, tenantId, run.taskId, ['caller'], effects);
    }
    const before = given.flatMap(({ step }) => calls.find((one) => one.step === step)?.answeredSeq ?? []);
    const { id: runId, taskId, sessionId, agentSlug: agent } = run;
    return { runId, taskId, sessionId, agent, after: fresh > 0 ? seq : Math.max(...before) };
  });
}

function requireWaiting({ isPending, isExpired }: AnswerableCall, callId: string, hasEnded: boolean): void {
  if (hasEnded) throw new ReeveError('invalid_request', `the run that made the call ${callId} has ended`);
  if (!isPending || isExpired)
    throw new ReeveError('invalid_request', `the time to give the result of the call ${callId} has run out`);
}

async function refusal(tx: Tx, run: RunRecord, step: number, callId: string): Promise<ReeveError> {
  const own = (await selectStepRecords(tx, run.id)).find(({ number, kind }) => number === step && kind === 'tool');
  if (own === undefined) return notWaiting(callId);
  return new ReeveError('invalid_request', `the call ${callId} is one of the agent’s own tools, which it makes itself`);
}

function notWaiting(callId: string): ReeveError {
  return new ReeveError('invalid_request', `no run of yours waits for the result of a call ${JSON.stringify(callId)}`);
}
