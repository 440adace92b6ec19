import type { AgentConfig } from '@reeve/agents';
import type { NewRunEvent } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { appendMessages, ensureSession, unindexRun } from '@reeve/memory';
import { toolCallEvent } from './model-step.ts';
import { nextModelStep, rowOf, subjectOf, type RunMessage, type RunRecord, type StepRecord } from './run.ts';
import { appendSteps, readHistory } from './session.ts';
import { updateRunning } from './store/run.ts';
import { deleteMessagesOf, selectPrevious } from './store/session.ts';
import { insertSteps, selectStepRecords } from './store/step.ts';

/** The version of an agent that a run keeps. */
export type RunAgent = AgentConfig & { readonly id: string; readonly version: number };

/** What a run begins with. */
export interface Beginning {
  readonly run: RunRecord;
  readonly history: readonly RunMessage[];
  readonly steps: readonly StepRecord[];
  /** The pending steps that have begun with it. */
  readonly begun: readonly number[];
  readonly events: readonly NewRunEvent[];
}

/**
 * Begins a run that is claimed for the first time, in the caller's transaction: only now is it known what came before it in its
 * session. Its message is added there, and its first steps are inserted: those that a fork does anew, or a model call.
 */
export async function beginRun(
  tx: Tx,
  run: RunRecord,
  agent: RunAgent,
  defaultModel: string,
  said: string | undefined,
): Promise<Beginning> {
  const { tenantId, sessionId, id: runId } = run;
  await settlePrevious(tx, run);
  const session = await ensureSession(tx, { tenantId, sessionId, agentId: agent.id, title: subjectOf(run) });
  const historyUntil = session.message_count;
  await appendMessages(tx, tenantId, sessionId, [
    { role: 'user', content: run.input, attachments: run.attachments, runId },
  ]);
  await updateRunning(tx, runId, historyUntil);
  const history = await readHistory(tx, tenantId, sessionId, historyUntil);
  const shared = await sharedSteps(tx, run);
  const own = firstSteps(run, shared, said);
  const model = agent.model_id ?? defaultModel;
  await insertSteps(
    tx,
    tenantId,
    runId,
    own.map((step) => rowOf(step, model, history.length)),
  );
  return {
    run: { ...run, status: 'running', historyUntil, startedAt: new Date() },
    history,
    steps: [...shared, ...own],
    begun: own.filter(({ kind, status }) => kind === 'model' && status === 'pending').map(({ number }) => number),
    events: own.flatMap((step) => (step.kind === 'tool' ? [toolCallEvent(step, false)] : [])),
  };
}

/** The steps that a fork shares, with the inputs of all the calls of their last turn. */
async function sharedSteps(tx: Tx, { forkedFrom, forkStep }: RunRecord): Promise<StepRecord[]> {
  if (forkedFrom === null || forkStep === null) return [];
  return (await selectStepRecords(tx, forkedFrom)).slice(0, forkStep - 1);
}

/** What a run does first after the steps that it shares: what was said to it, the calls that are made anew, or a model call. */
function firstSteps({ id: runId }: RunRecord, shared: readonly StepRecord[], said: string | undefined): StepRecord[] {
  const asked = shared.findLastIndex(({ kind }) => kind === 'model');
  const turn = shared[asked];
  if (turn?.kind === 'model' && turn.output !== null) {
    const open = turn.output.toolCalls.slice(shared.length - asked - 1);
    if (open.length > 0)
      return open.map(({ id, name, input }, index) => ({
        runId,
        number: shared.length + 1 + index,
        kind: 'tool',
        status: 'pending',
        attempt: 0,
        name,
        callId: id,
        input,
        childRunId: null,
        output: null,
      }));
  }
  if (said === undefined) return [nextModelStep(runId, shared)];
  const message: StepRecord = {
    runId,
    number: shared.length + 1,
    kind: 'message',
    status: 'settled',
    attempt: 1,
    output: { text: said },
  };
  return [message, nextModelStep(runId, [...shared, message])];
}

/** Sees to what the run left behind that this one took the place of: keeps what it did, or forgets what it was told. */
async function settlePrevious(tx: Tx, run: RunRecord): Promise<void> {
  if (run.multitask !== 'interrupt' && run.multitask !== 'rollback') return;
  const previous = await selectPrevious(tx, run);
  if (previous?.status !== 'cancelled') return;
  const about = { id: previous.id, tenantId: run.tenantId, sessionId: run.sessionId };
  if (run.multitask === 'rollback') {
    await unindexRun(tx, about);
    await deleteMessagesOf(tx, about);
  } else await appendSteps(tx, about, await selectStepRecords(tx, previous.id), null);
}
