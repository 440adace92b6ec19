import { isDeepStrictEqual } from 'node:util';
import { recordAudit } from '@reeve/audit';
import type { NewRunEvent, RunWait } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import type { ReeveError } from '@reeve/kit';
import {
  recordPlaybookFailures,
  followedPlaybooks,
  learnPlaybook,
  noteForExtraction,
  type MemoryRules,
} from '@reeve/memory';
import { lockClaimed, selectToolApprovals, settleTask, shownError, suspendTask } from '@reeve/tasks';
import { completedClosing, failedClosing } from './closing.ts';
import { auditOf, type Transition } from './committer.ts';
import { usageOf, type StepRecord } from './run.ts';
import { appendSteps } from './session.ts';
import { selectCallerCalls } from './store/caller-tools.ts';
import { isUnended, selectAwaited } from './store/child.ts';
import { updateEndedRun, updateParked } from './store/run.ts';
import { updateAbandoned } from './store/step.ts';
import { isDue } from './tool-decision.ts';
import { isOfCaller, type RunExecution } from './execution.ts';

/** Ends a run with its answer, in the transaction that settles its last step. */
export async function complete(
  work: RunExecution,
  after: readonly StepRecord[],
  answer: string,
  settled: Pick<Transition, 'settled' | 'events' | 'audit'>,
): Promise<void> {
  const { run } = work;
  const rules = await work.memoryRulesOf(run.tenantId);
  const closing = completedClosing(run, work.steps.length, answer);
  await work.commit({
    ...settled,
    events: [...(settled.events ?? []), ...closing.events],
    audit: [...(settled.audit ?? []), ...closing.audit],
    write: async (tx, effects) => {
      await updateEndedRun(tx, run.id, { status: 'completed', result: answer, error: null });
      await appendSteps(tx, run, after, answer);
      await learn(tx, work, after, rules);
      if (rules.extract) await noteFacts(tx, work, answer);
      const result = { response: answer, run_id: run.id, usage: usageOf(run.used) };
      const outcome = { status: 'completed', result, summary: answer.slice(0, 500) } as const;
      await settleTask(tx, work.claim, outcome, effects);
    },
  });
  work.left = true;
}

/** Ends a run that failed or was cancelled; `told` are the last words of the step that it fails at. */
export async function fail(work: RunExecution, error: ReeveError, told: readonly NewRunEvent[] = []): Promise<void> {
  const status = error.reason === 'cancelled' ? 'cancelled' : 'failed';
  const shown = shownError(error);
  const closing = failedClosing(work.run, work.steps.length, status, shown);
  await work.commit({
    ...closing,
    events: [...told, ...closing.events],
    write: async (tx, effects) => {
      await updateAbandoned(tx, work.run.id);
      await updateEndedRun(tx, work.run.id, {
        status,
        result: null,
        error: { code: shown.reason, message: shown.message },
      });
      if (status === 'failed') await blame(tx, work);
      await settleTask(tx, work.claim, { status, error: shown }, effects);
    },
  });
  work.left = true;
}

/** What a run that used tools did right, for those that are asked for something alike. */
async function learn(tx: Tx, work: RunExecution, steps: readonly StepRecord[], rules: MemoryRules): Promise<void> {
  const { run, agent } = work;
  // Tools of the caller are gone when the next run might follow the example.
  const calls = steps.flatMap((step) =>
    step.kind === 'tool' && step.output?.tool_status === 'success' && !isOfCaller(work, step.name)
      ? [{ tool: step.name, input: step.input }]
      : [],
  );
  if (calls.length === 0) return;
  const { tenantId, sessionId, id: runId, input: goal } = run;
  await learnPlaybook(tx, { tenantId, personaId: agent.persona_id, goal, calls, runId, sessionId }, rules);
}

/** Has facts looked for in what was said, behind the run. What agents say to each other is not a conversation. */
async function noteFacts(tx: Tx, { run, agent }: RunExecution, answered: string): Promise<void> {
  const { tenantId, sessionId, id: runId, userId, traceId, agentSlug, input: said } = run;
  if (run.parentRunId !== null || said.trim() === '') return;
  const { persona_id: personaId, model_id: model } = agent;
  await noteForExtraction(tx, {
    runId,
    tenantId,
    sessionId,
    personaId,
    agent: agentSlug,
    userId,
    traceId,
    model,
    said,
    answered,
  });
}

/** What a run that failed had been told that worked before. */
async function blame(tx: Tx, { run, agent, steps }: RunExecution): Promise<void> {
  const first = steps.find((step) => step.kind === 'tool');
  if (first === undefined) return;
  const mind = { tenantId: run.tenantId, personaId: agent.persona_id };
  await recordPlaybookFailures(tx, mind, followedPlaybooks(run.context, first.name));
}

/**
 * Puts a run aside until a person has decided, a child run has ended, the caller has answered, or a budget has room: it holds no process, connection or
 * lease then. Does nothing where a decision or an end came meanwhile. `why` is what readers are told.
 */
export async function park(work: RunExecution, reason: Exclude<RunWait, 'model'>, why: string): Promise<void> {
  const { claim, handler, run } = work;
  let left = false;
  await work.commit({
    write: async (tx, effects) => {
      await lockClaimed(tx, claim);
      if (reason !== 'budget' && (await hasNews(tx, work))) return [];
      left = true;
      const retryMs = reason === 'budget' ? RETRY_MS : reason === 'caller' ? untilFirstDue(work) : undefined;
      if ((await suspendTask(tx, handler, claim, reason, effects, retryMs)) === 'ended') return [];
      await updateParked(tx, run.id, reason);
      // Still: that was told, and nothing has happened since.
      if (reason === 'budget' && work.waitedFor === 'budget') return [];
      await recordAudit(tx, [auditOf(run, 'PLAN_WAITING', { waiting_for: reason })]);
      return [{ type: 'system', phase: 'waiting', message: why, waiting_for: reason }];
    },
  });
  work.left = left;
}

/** Reads again what the tool calls of a run wait for, and answers whether there is something to be done about any of it. */
async function hasNews(tx: Tx, work: RunExecution): Promise<boolean> {
  const approvals = await selectToolApprovals(tx, work.run.id);
  const children = await selectAwaited(tx, work.run.id);
  const callerCalls = work.callerTools === null ? [] : await selectCallerCalls(tx, work.run.id);
  const isNews = !isDeepStrictEqual(approvals, work.approvals) || !children.every(isUnended) || callerCalls.some(isDue);
  Object.assign(work, { approvals, children, callerCalls });
  return isNews;
}

/** When the first of the calls that wait for the caller is given up, in milliseconds from now. */
function untilFirstDue({ callerCalls }: RunExecution): number {
  return Math.min(...callerCalls.filter((call) => !isDue(call)).map(({ leftMs }) => leftMs));
}

/** A run without money looks again after this long: what others had reserved may have come back, or a raise may have been missed. */
const RETRY_MS = 60_000;
