import { recordAudit } from '@reeve/audit';
import type { Approval, Decision, Task } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { invalidField, ReeveError, type Log } from '@reeve/kit';
import type { PostCommitEffects } from '../queue/post-commit-effects.ts';
import { endUnclaimed } from '../queue/end-task.ts';
import type { Requester } from '../queue/requester.ts';
import { schedulePending } from '../queue/schedule-pending.ts';
import { queueTransaction } from '../queue/queue-transaction.ts';
import {
  insertApproval,
  insertToolApproval,
  lockApproval,
  selectApprovalOfTask,
  selectOverdue,
  updateDecided,
  type ToolQuestion,
} from './store.ts';
import { lockTasks, type TaskSchedulingState } from '../queue/store/lock.ts';
import { selectTask } from '../queue/store/read.ts';
import { lockKeysOf } from '../queue/store/slot.ts';
import type { TaskHandler, TaskIdentity, ToolDecision } from '../queue/task.ts';
import { recordTaskEvent } from '../queue/record-task-event.ts';
import { resumeTask } from '../queue/resume-task.ts';

/*
 * The states of an approval
 *
 *   pending ──decision──► approved | rejected
 *      │ └──its time runs out──► its default decision, made by `system`
 *      └──its task ends──► withdrawn
 *
 * Rejecting a task fails it. Rejecting a tool call gives its agent that outcome, and the task goes on. A decision locks the task and
 * then the approval, in the order in which the end of a task does, so that each approval is decided once.
 */

/** A decision with its journal entry. */
export interface Decided {
  readonly approval: Approval;
  readonly task: Task;
  readonly journalEntryId: string;
}

/** Asks for a decision on a pending task. */
export async function requestApproval(
  tx: Tx,
  task: TaskIdentity,
  requestedBy: string,
  effects: PostCommitEffects,
): Promise<void> {
  await insertApproval(tx, task.id, requestedBy);
  await recordTaskEvent(
    tx,
    task,
    { type: 'approval_requested', actor: requestedBy, summary: 'waits for a decision' },
    effects,
  );
}

/** Asks whether a tool call may be made, or for the outcome of one. The task goes on with other work, or suspends itself. */
export async function requestToolApproval(
  tx: Tx,
  task: TaskIdentity,
  question: ToolQuestion,
  effects: PostCommitEffects,
): Promise<void> {
  const expiresAt = await insertToolApproval(tx, question);
  const actor = `agent:${question.agentId}`;
  const details = { approval_id: question.id, tool: question.tool, step: question.step, expires_at: expiresAt };
  await recordTaskEvent(tx, task, { type: 'approval_requested', actor, summary: question.title, details }, effects);
  await recordAudit(tx, [
    {
      tenantId: question.tenantId,
      actor,
      action: 'APPROVAL_REQUESTED',
      traceId: task.traceId,
      taskId: task.id,
      runId: question.runId,
      details,
    },
  ]);
}

/**
 * Decides an approval. An approved task is scheduled; a rejected one fails with the reason. Throws `not_found`, and `conflict` when it
 * is already decided or its time ran out; in the latter case its default takes effect.
 */
export async function decideApproval(
  database: Database,
  handler: TaskHandler,
  requester: Requester,
  approvalId: string,
  decision: ToolDecision,
  reason: string | null,
): Promise<Decided> {
  const { tenantId, userId } = requester;
  const outcome = await queueTransaction(database, handler, tenantId, async (tx, effects) => {
    const found = await lockWithTask(tx, tenantId, approvalId);
    if (found === undefined) throw new ReeveError('not_found', `there is no approval ${approvalId}`);
    const { approval, expired, task } = found;
    if (approval.status !== 'pending') {
      const by = approval.decided_by === null ? '' : ` by ${approval.decided_by}`;
      throw new ReeveError('conflict', `it is ${approval.status} already${by}`);
    }
    if (!expired) await checkDecision(tx, handler, approval, decision);
    const decided = expired
      ? await decide(tx, handler, task, approval, byDefault(approval), 'system', OVERDUE, effects)
      : await decide(tx, handler, task, approval, decision, userId, reason, effects);
    return { decided, expired };
  });
  if (outcome.expired)
    throw new ReeveError('conflict', `its time ran out, so it was ${outcome.decided.approval.status} by default`);
  return outcome.decided;
}

/** The same for the latest approval of a task. Throws `conflict` when it has none. */
export async function decideTask(
  database: Database,
  handler: TaskHandler,
  requester: Requester,
  taskId: string,
  decision: Decision,
  reason: string | null,
): Promise<Decided> {
  const approval = await inTenant(database.db, requester.tenantId, async (tx) => {
    const task = await selectTask(tx, requester.tenantId, taskId);
    if (task === undefined) throw new ReeveError('not_found', `there is no task ${taskId}`);
    const found = await selectApprovalOfTask(tx, requester.tenantId, taskId);
    if (found === undefined) throw new ReeveError('conflict', `the task is ${task.status} and awaits no decision`);
    return found;
  });
  return decideApproval(database, handler, requester, approval.id, { decision }, reason);
}

/** Applies the default of approvals whose time ran out, each in a transaction of its own. Returns how many. */
export async function decideOverdue(database: Database, handler: TaskHandler, log: Log, limit = 100): Promise<number> {
  let count = 0;
  for (const { id, tenantId } of await selectOverdue(database.db, limit)) {
    try {
      const decided = await queueTransaction(database, handler, null, async (tx, effects) => {
        const found = await lockWithTask(tx, tenantId, id);
        if (found?.approval.status !== 'pending' || !found.expired) return undefined;
        const { approval, task } = found;
        return decide(tx, handler, task, approval, byDefault(approval), 'system', OVERDUE, effects);
      });
      if (decided !== undefined) count += 1;
    } catch (error) {
      log.error({ err: error, approval_id: id }, 'an approval whose time has run out could not be decided');
    }
  }
  return count;
}

const OVERDUE = 'the approval expired without a decision';

async function lockWithTask(
  tx: Tx,
  tenantId: string,
  approvalId: string,
): Promise<{ approval: Approval; expired: boolean; task: TaskSchedulingState } | undefined> {
  const row = await tx
    .selectFrom('approvals')
    .select('task_id')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', approvalId)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  await lockKeysOf(tx, [row.task_id]);
  const [task] = await lockTasks(tx, [row.task_id]);
  const locked = await lockApproval(tx, tenantId, approvalId);
  return task && locked && { ...locked, task };
}

function byDefault(approval: Approval): ToolDecision {
  return { decision: approval.default_decision };
}

/** Throws `invalid_request` for fields that an approval of this kind does not take. */
async function checkDecision(tx: Tx, handler: TaskHandler, approval: Approval, given: ToolDecision): Promise<void> {
  const { decision, editedInput, result } = given;
  if (editedInput !== undefined && (approval.kind !== 'tool_call' || decision === 'reject'))
    throw invalidField('edited_input', 'only the input of a tool call that is approved can be changed');
  if (result !== undefined && (approval.kind !== 'tool_outcome' || decision === 'reject'))
    throw invalidField('result', 'a result can be given only with "approve", for a tool call whose outcome is hidden');
  if (approval.kind !== 'task') await handler.check?.(tx, approval, given);
}

async function decide(
  tx: Tx,
  handler: TaskHandler,
  task: TaskSchedulingState,
  before: Approval,
  given: ToolDecision,
  actor: string,
  reason: string | null,
  effects: PostCommitEffects,
): Promise<Decided> {
  const { tenantId, id: taskId } = task;
  const { decision } = given;
  const approval = await updateDecided(tx, before.id, decision, actor, reason, given);
  const verb = decision === 'approve' ? 'approved' : 'rejected';
  const because = reason ? `: ${reason.slice(0, 500)}` : '';
  const summary = `"${before.title.slice(0, 200)}" was ${verb} by ${actor}${because}`;
  const details = { approval_id: approval.id };
  const journalEntryId = await recordTaskEvent(
    tx,
    task,
    { type: `approval_${verb}`, actor, summary, details },
    effects,
  );
  await recordAudit(tx, [
    {
      tenantId,
      actor,
      action: 'APPROVAL_DECIDED',
      traceId: task.traceId,
      taskId,
      ...(approval.run_id !== null && { runId: approval.run_id }),
      details: { approval_id: approval.id, decision: approval.status, reason },
    },
  ]);
  if (approval.kind !== 'task') await resumeTask(tx, handler, tenantId, taskId, ['approval', 'caller'], effects);
  else if (decision === 'approve') await schedulePending(tx, handler, [taskId], effects);
  else {
    const error = new ReeveError('rejected', `rejected by ${actor}${because}`);
    await endUnclaimed(tx, handler, task, 'failed', error, effects, actor);
  }
  return { approval, task: (await selectTask(tx, tenantId, taskId))!, journalEntryId };
}
