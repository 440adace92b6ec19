import { findAgent, selectAgentVersion } from '@reeve/agents';
import { recordAudit } from '@reeve/audit';
import { inTenant, type Tx } from '@reeve/db';
import { invalidField, isRetryable, type ReeveError } from '@reeve/kit';
import type { MemoryQuery } from '@reeve/memory';
import { isUnavailable } from '@reeve/models';
import { requireLease, type Claim, type ClaimedTask } from '@reeve/tasks';
import { beginRun } from './begin.ts';
import { failedClosing } from './closing.ts';
import { auditOf } from './committer.ts';
import { advanceRun } from './engine.ts';
import { appendEventsAtEnd } from './log.ts';
import { isInteractive, type RunState, type StepRecord } from './run.ts';
import { readHistory } from './session.ts';
import { openRun, unknownAgent } from './start.ts';
import { selectCallerTools } from './store/caller-tools.ts';
import { selectLastSeq } from './store/event.ts';
import { selectRunRecord, updateEndedRun, updateRevivedRun, updateRunning } from './store/run.ts';
import { selectStepRecords, updateAbandoned } from './store/step.ts';
import type { AfterFailure, EngineParts, RunHandler } from './execution.ts';

/** Each task is worked on as a run, opened when the task is first claimed and gone on with whenever it is again. */
export function createRunHandler(parts: Omit<EngineParts, 'handler'>): RunHandler {
  const prepared = new WeakMap<Claim, RunState>();
  const handler: RunHandler = {
    prepare: (claim, state) => void prepared.set(claim, state),
    async run(claim, signal) {
      const state = prepared.get(claim) ?? (await load(parts, claim));
      const interactive = isInteractive(state.run);
      const canRetry = !interactive && claim.attempt < claim.task.maxAttempts;
      const afterFailure = (error: ReeveError, kind?: StepRecord['kind']): AfterFailure => {
        // A caller who waits is told; a task of the queue has the time.
        if (!interactive && (kind === 'model' || kind === 'compaction') && isUnavailable(error)) return 'wait';
        return canRetry && isRetryable(error) && error.reason !== 'internal' ? 'retry' : 'end';
      };
      await advanceRun({ ...parts, handler }, claim, state, signal, afterFailure);
      return null;
    },
    async ended(tx, task, error, status) {
      const run = await selectRunRecord(tx, task.tenantId, { taskId: task.id });
      if (run === undefined) return undefined;
      await updateAbandoned(tx, run.id);
      await updateEndedRun(tx, run.id, { status, result: null, error: { code: error.reason, message: error.message } });
      const steps = await selectStepRecords(tx, run.id);
      const { audit, events } = failedClosing(run, steps.length, status, error, run.createdAt);
      const about = { tenantId: run.tenantId, actor: 'system', traceId: run.traceId, taskId: task.id, runId: run.id };
      await recordAudit(
        tx,
        audit.map((entry) => ({ ...about, ...entry })),
      );
      await appendEventsAtEnd(tx, run, events);
      return () => parts.database.notify('reeve_runs', run.id);
    },
    async check(_tx, { tool }, { editedInput }) {
      const schema = tool === null ? undefined : parts.tools.get(tool)?.input;
      const checked = editedInput === undefined ? undefined : schema?.safeParse(editedInput);
      const [issue] = checked?.error?.issues ?? [];
      if (issue !== undefined)
        throw invalidField(['edited_input', ...issue.path].join('.'), `${tool} does not take it: ${issue.message}`);
    },
  };
  return handler;
}

async function load(parts: Omit<EngineParts, 'handler'>, claim: Claim): Promise<RunState> {
  const { task } = claim;
  const within = <T>(work: (tx: Tx) => Promise<T>) => inTenant(parts.database.db, task.tenantId, work);
  if (parts.embedQuery === undefined) return within((tx) => loadState(tx, parts, claim));
  const known = await within((tx) => selectRunRecord(tx, task.tenantId, { taskId: task.id }));
  const vector = known === undefined ? await parts.embedQuery(task.tenantId, inputOf(task)) : undefined;
  return within((tx) => loadState(tx, parts, claim, vector));
}

async function loadState(
  tx: Tx,
  parts: Omit<EngineParts, 'handler'>,
  claim: Claim,
  vector?: MemoryQuery,
): Promise<RunState> {
  const { task } = claim;
  await requireLease(tx, claim);
  const run = await selectRunRecord(tx, task.tenantId, { taskId: task.id });
  if (run === undefined) return openForTask(tx, parts, task, vector);
  const config = await selectAgentVersion(tx, run.agentId, run.agentVersion);
  const callerTools = await selectCallerTools(tx, run.id);
  if (run.startedAt === null) {
    const agent = { ...config, id: run.agentId, version: run.agentVersion };
    const said = (run.forkStep ?? 1) > 1 ? (task.payload.message as string | undefined) : undefined;
    const { events, ...begun } = await beginRun(tx, run, agent, parts.models.defaultModel, said);
    const told = await appendEventsAtEnd(tx, run, [
      { type: 'system', phase: 'started', message: 'started' },
      ...events,
    ]);
    return { ...begun, agent: config, callerTools, lastSeq: told.at(-1)!.seq };
  }
  // One that waits for money or for its model looks again and again: that it goes on is told when it does.
  if (run.status !== 'running' && run.waitingFor !== 'budget' && run.waitingFor !== 'model')
    await recordAudit(tx, [auditOf(run, 'PLAN_RESUMED', { after: run.waitingFor ?? run.status })]);
  if (run.status === 'queued') await updateRunning(tx, run.id);
  else if (run.status !== 'running') {
    await updateRevivedRun(tx, run.id);
    await appendEventsAtEnd(tx, run, [{ type: 'system', phase: 'retrying', message: 'retrying after a failure' }]);
  }
  return {
    run: { ...run, status: 'running', waitingFor: null },
    agent: config,
    callerTools,
    history: await readHistory(tx, run.tenantId, run.sessionId, run.historyUntil),
    steps: await selectStepRecords(tx, run.id),
    begun: [],
    waitedFor: run.waitingFor,
    lastSeq: await selectLastSeq(tx, run.id),
  };
}

/** The run of a task that came through the queue and was never claimed before. */
async function openForTask(
  tx: Tx,
  { models }: Omit<EngineParts, 'handler'>,
  task: ClaimedTask,
  vector: MemoryQuery | undefined,
): Promise<RunState> {
  const agent = await findAgent(tx, task.tenantId, task.agentId);
  if (agent === undefined) throw unknownAgent(task.agentId);
  const requester = {
    tenantId: task.tenantId,
    userId: task.createdBy ?? 'system',
    traceId: task.traceId,
    requestId: null,
  };
  const { state } = await openRun(tx, {
    taskId: task.id,
    agent,
    source: 'task',
    requester,
    input: inputOf(task),
    sessionId: task.sessionId ?? undefined,
    defaultModel: models.defaultModel,
    running: true,
    vector,
  });
  return state;
}

/** What an agent is told of a task. */
function inputOf({ title, description, payload }: ClaimedTask): string {
  const parts = [title];
  if (description) parts.push(description);
  if (Object.keys(payload).length > 0) parts.push(`Payload:\n${JSON.stringify(payload, null, 2)}`);
  return parts.join('\n\n');
}
