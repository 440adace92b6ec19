import { isTransient, inTenant } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import type { Claim } from '@reeve/tasks';
import { settleEnds, settleOpenCalls } from '@reeve/ledger';
import { compactionStep } from './compaction-step.ts';
import { fail, park } from './ending.ts';
import { modelStep, stepLimit } from './model-step.ts';
import { waitForModel } from './model-wait.ts';
import { nextModelStep, type RunState, type StepRecord } from './run.ts';
import { selectStreamed } from './store/event.ts';
import { startWorkLimit } from './work-limit.ts';
import { readAnswers } from './tool-question.ts';
import { toolSteps } from './tool-step.ts';
import { createExecution, discardEvent, type EngineParts, type RunExecution } from './execution.ts';

/**
 * Advances a claimed run to its end, one committed step at a time, and settles its task in the transaction that ends it; or parks
 * it where people, a budget or a model are waited for. Throws `lease_lost` or `shutting_down` where somebody else will go on,
 * `unavailable` where the database was out of reach, and a failure after which `afterFailure` has the task tried again; every other
 * failure ends the run as failed. The agent's time limit bounds the work of one claim: waiting and downtime do not count.
 */
export async function advanceRun(
  parts: EngineParts,
  claim: Claim,
  state: RunState,
  signal: AbortSignal,
  afterFailure: RunExecution['afterFailure'],
): Promise<void> {
  const work = createExecution(parts, claim, state, afterFailure);
  const limitMs = state.agent.limits.timeout_ms;
  using limit = startWorkLimit(
    limitMs,
    () => new ReeveError('limit_reached', `the run worked longer than its limit of ${limitMs} ms`),
  );
  work.onModelWait = limit.pause;
  const stop = AbortSignal.any([signal, limit.signal]);
  try {
    await recover(work);
    while (!work.left) {
      stop.throwIfAborted();
      work.rules = await parts.toolRulesOf(state.run.tenantId);
      work.tools = await parts.toolsOf(state.run.tenantId);
      await advance(work, stop);
    }
  } catch (thrown) {
    if (isOutOfReach(thrown)) throw new ReeveError('unavailable', 'the database was out of reach', { cause: thrown });
    const error = ReeveError.from(stop.aborted ? stop.reason : thrown);
    if (error.reason === 'lease_lost') throw error;
    const failed = work.steps.find(({ status }) => status === 'pending');
    const next = stop.aborted ? 'end' : afterFailure(error, failed?.kind);
    if (error.reason === 'shutting_down' || next === 'retry') {
      await work.flush();
      throw error;
    }
    if (error.reason === 'budget_exhausted') return await park(work, 'budget', error.message);
    if (next === 'wait' && failed !== undefined) return await waitForModel(work, failed, error);
    if (error.reason === 'internal') parts.log.error({ err: error, run_id: state.run.id }, 'a run failed');
    await fail(work, error);
  } finally {
    await settleEnds(parts.database, work.takeEnds(), parts.log);
  }
}

/** Whether the database failed: beneath us, or beneath the ledger of a model call, whose error the gateway has wrapped. */
function isOutOfReach(thrown: unknown): boolean {
  if (isTransient(thrown)) return true;
  return thrown instanceof ReeveError && thrown.reason === 'internal' && isTransient(thrown.cause);
}

/** After a crash, a retry or a wait: reads what people decided, which child runs have ended and what the caller answered, closes the books on calls that were cut off, and sees to it that there is a step. */
async function recover(work: RunExecution): Promise<void> {
  if (work.steps.some((step) => step.kind === 'tool' && step.status === 'pending' && !work.begun.has(step.number)))
    await readAnswers(work);
  const cut = work.steps.filter(({ status, kind, attempt, number }) => {
    return status === 'pending' && kind !== 'tool' && attempt > 0 && !work.begun.has(number);
  });
  for (const step of cut) await settleCutOff(work, step);
  if (work.steps.some(({ status }) => status === 'pending')) return;
  const last = work.steps.at(-1);
  if (last?.kind === 'model' && (last.output?.toolCalls.length ?? 0) > 0) throw stepLimit(work);
  const next = nextModelStep(work.run.id, work.steps);
  await work.commit({ begun: [next] });
  work.steps = [...work.steps, next];
  work.begun.add(next.number);
}

/** A model call that a crash cut off used what was sent, and what had been streamed. */
async function settleCutOff(work: RunExecution, { number }: StepRecord): Promise<void> {
  const { database, run } = work;
  await inTenant(database.db, run.tenantId, async (tx) => {
    const output = Math.ceil((await selectStreamed(tx, run.id, number)) / 4);
    await settleOpenCalls(tx, run.tenantId, run.id, number, { output });
  });
}

/** One step of the run. */
async function advance(work: RunExecution, signal: AbortSignal): Promise<void> {
  const pending = work.steps.find(({ status }) => status === 'pending');
  if (pending === undefined) throw new ReeveError('internal', `run ${work.run.id} has no pending step`);
  if (pending.kind === 'tool') {
    const waitingFor = await toolSteps(work, signal);
    return waitingFor === undefined ? undefined : park(work, waitingFor, WAITS[waitingFor]);
  }
  await begin(work, pending);
  if (pending.kind === 'model') await modelStep(work, pending, signal);
  else if (pending.kind === 'compaction') await compactionStep(work, pending, signal);
}

/** The event texts of a run that is suspended for its tool calls. */
const WAITS = {
  approval: 'waiting for approval of a tool call',
  dependencies: 'waiting for child runs',
  caller: 'waiting for the caller to give the results of its tools',
} as const;

/** Commits that a model call begins; where it had before, readers are told to void what it streamed then. */
async function begin(work: RunExecution, pending: StepRecord): Promise<void> {
  if (work.begun.has(pending.number)) return;
  await work.commit(async (tx) => {
    const isVoid = pending.attempt > 0 && (await selectStreamed(tx, work.run.id, pending.number)) > 0;
    return { again: [pending.number], events: isVoid ? [discardEvent(pending.number)] : [] };
  });
  work.begun.add(pending.number);
}
