import { findAgent, selectAgentVersion } from '@reeve/agents';
import type { NewRunEvent, Task } from '@reeve/contract';
import { inTenant, type Tx } from '@reeve/db';
import { isRetryable, ReeveError } from '@reeve/kit';
import { requireLease, type Claim, type TaskHandler } from '@reeve/tasks';
import { advanceRun, type EngineParts } from './engine.ts';
import { appendEventsAtEnd } from './log.ts';
import { historyOf, usageOf, type RunState } from './run.ts';
import { openRun, unknownAgent } from './start.ts';
import { selectHistory, selectLastSeq, selectRunRecord, selectStepRecords, updateAbandoned, updateEndedRun, updateRevivedRun, updateRunning } from './store.ts';

/** Messages of the session that a run is shown at most. */
const HISTORY_LIMIT = 200;

/** Tasks of agents: each is worked on as a run, opened when the task is first claimed and gone on with whenever it is again. */
export function createRunHandler(parts: Omit<EngineParts, 'handler'>): TaskHandler {
  const handler: TaskHandler = {
    async run(claim, signal) {
      const state = await inTenant(parts.database.db, claim.task.tenant_id, (tx) => loadState(tx, parts, claim));
      const interactive = state.run.door !== 'task';
      const retryable = (error: ReeveError) => isRetryable(error) && error.reason !== 'internal' && !interactive && claim.attempt < claim.task.max_attempts;
      await advanceRun({ ...parts, handler }, claim, state, signal, retryable);
      return null;
    },
    async ended(tx, task, error, status) {
      const run = await selectRunRecord(tx, task.tenant_id, { taskId: task.id });
      if (run === undefined) return;
      await updateAbandoned(tx, run.id);
      await updateEndedRun(tx, run.id, { status, result: null, error: { code: error.reason, message: error.message } });
      const closing: NewRunEvent[] = [
        { type: 'error', message: error.message, code: error.reason },
        { type: 'result', status, result: null, usage: usageOf(run), steps: 0, duration_ms: Date.now() - run.createdAt.getTime() },
        { type: 'session_end', session_id: run.sessionId, status },
      ];
      await appendEventsAtEnd(tx, run, closing);
      setImmediate(() => parts.database.notify('reeve_runs', run.id));
    },
  };
  return handler;
}

async function loadState(tx: Tx, parts: Omit<EngineParts, 'handler'>, claim: Claim): Promise<RunState> {
  const { task } = claim;
  await requireLease(tx, claim);
  let run = await selectRunRecord(tx, task.tenant_id, { taskId: task.id });
  if (run === undefined) {
    const agent = await findAgent(tx, task.tenant_id, task.agent_id);
    if (agent === undefined) throw unknownAgent(task.agent_id);
    const requester = { tenantId: task.tenant_id, userId: task.created_by_user_id ?? 'system', traceId: task.trace_id, requestId: null };
    const opened = await openRun(tx, {
      task, agent, door: 'task', requester, input: inputOf(task), sessionId: task.session_id ?? undefined, model: parts.models.defaultModel, running: true,
    });
    parts.feed.publish(opened.runId, []);
    run = await selectRunRecord(tx, task.tenant_id, { id: opened.runId });
  } else if (run.status === 'queued') {
    await updateRunning(tx, run.id);
  } else if (run.status !== 'running') {
    await updateRevivedRun(tx, run.id);
  }
  if (run === undefined) throw new ReeveError('internal', `the run of task ${task.id} vanished in its own transaction`);
  const agent = await selectAgentVersion(tx, run.agentId, run.agentVersion);
  if (agent === undefined) throw new ReeveError('internal', `agent ${run.agentId} has no version ${run.agentVersion}`);
  return {
    run,
    agent,
    history: historyOf(await selectHistory(tx, run.tenantId, run.sessionId, run.historyUntil, HISTORY_LIMIT)),
    steps: await selectStepRecords(tx, run.id),
    lastSeq: await selectLastSeq(tx, run.id),
  };
}

/** What an agent is told of a task. */
function inputOf({ title, description, payload }: Task): string {
  const parts = [title];
  if (description) parts.push(description);
  if (Object.keys(payload).length > 0) parts.push(`Payload:\n${JSON.stringify(payload, null, 2)}`);
  return parts.join('\n\n');
}
