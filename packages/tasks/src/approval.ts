import { recordAudit, recordJournal } from '@reeve/audit';
import type { Approval, Decision, Task } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { ReeveError, type Log } from '@reeve/kit';
import { createAfterCommit, type AfterCommit } from './after-commit.ts';
import { endUnclaimed } from './end.ts';
import type { Requester } from './enqueue.ts';
import { placeTasks } from './place.ts';
import { carryOut } from './release.ts';
import { insertApproval, lockApproval, selectApprovalOfTask, selectOverdue, updateDecided } from './store/approval.ts';
import { lockTasks } from './store/lock.ts';
import { selectTask } from './store/read.ts';
import { lockKeysOf } from './store/slot.ts';
import type { TaskHandler } from './task.ts';

/*
 * An approval is one record, whoever reads it:
 *
 *   pending ──decision──► approved | rejected
 *      │ └──its time runs out──► what its default says, decided by `system`
 *      └──its task ends──► withdrawn
 *
 * Whoever decides locks the task first and then the approval, as whoever ends the task does, so that there is
 * one decision and no more.
 */

/** A decision that was made, with the journal entry that tells of it. */
export interface Decided {
  readonly approval: Approval;
  readonly task: Task;
  readonly journalEntryId: string;
}

/** Asks for a decision on a pending task. */
export async function requestApproval(tx: Tx, task: Task, requestedBy: string, after: AfterCommit): Promise<void> {
  await insertApproval(tx, task.id, requestedBy);
  await tell(tx, task, 'approval_requested', requestedBy, 'waits for a decision', after);
}

/**
 * Decides what a task waits for. An approved one goes on to where it waits next; a rejected one has failed, with the reason.
 * Throws `not_found`, and `conflict` where it is decided already or its time has run out, in which case its default is carried out.
 */
export async function decideApproval(
  database: Database,
  handler: TaskHandler,
  requester: Requester,
  approvalId: string,
  decision: Decision,
  reason: string | null,
): Promise<Decided> {
  const after = createAfterCommit();
  const { tenantId, userId } = requester;
  const outcome = await inTenant(database.db, tenantId, async (tx) => {
    const found = await lockWithTask(tx, tenantId, approvalId);
    if (found === undefined) throw new ReeveError('not_found', `there is no approval ${approvalId}`);
    const { approval, expired } = found;
    if (approval.status !== 'pending') {
      const by = approval.decided_by === null ? '' : ` by ${approval.decided_by}`;
      throw new ReeveError('conflict', `it is ${approval.status} already${by}`);
    }
    const decided = expired
      ? await decide(tx, handler, approval, approval.default_decision, 'system', OVERDUE, after)
      : await decide(tx, handler, approval, decision, userId, reason, after);
    return { decided, expired };
  });
  await carryOut(database, handler, after);
  if (outcome.expired)
    throw new ReeveError('conflict', `its time ran out, so it was ${outcome.decided.approval.status} by default`);
  return outcome.decided;
}

/** The same for the approval that a task waits for. Throws `conflict` where it waits for none. */
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
    if (found === undefined) throw new ReeveError('conflict', `the task is ${task.status} and waits for no decision`);
    return found;
  });
  return decideApproval(database, handler, requester, approval.id, decision, reason);
}

/** Carries out the default of approvals whose time has run out, each by itself. Answers how many. */
export async function decideOverdue(database: Database, handler: TaskHandler, log: Log, limit = 100): Promise<number> {
  let count = 0;
  for (const { id, tenantId } of await selectOverdue(database.db, limit)) {
    const after = createAfterCommit();
    try {
      await database.db.transaction().execute(async (tx) => {
        const found = await lockWithTask(tx, tenantId, id);
        if (found?.approval.status !== 'pending' || !found.expired) return;
        count += 1;
        await decide(tx, handler, found.approval, found.approval.default_decision, 'system', OVERDUE, after);
      });
    } catch (error) {
      log.error({ err: error, approval_id: id }, 'an approval whose time has run out could not be decided');
      continue;
    }
    await carryOut(database, handler, after);
  }
  return count;
}

const OVERDUE = 'nobody decided in time';

async function lockWithTask(
  tx: Tx,
  tenantId: string,
  approvalId: string,
): Promise<{ approval: Approval; expired: boolean } | undefined> {
  const row = await tx
    .selectFrom('approvals')
    .select('task_id')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', approvalId)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  await lockKeysOf(tx, [row.task_id]);
  await lockTasks(tx, [row.task_id]);
  return lockApproval(tx, tenantId, approvalId);
}

async function decide(
  tx: Tx,
  handler: TaskHandler,
  before: Approval,
  decision: Decision,
  actor: string,
  reason: string | null,
  after: AfterCommit,
): Promise<Decided> {
  const { tenant_id: tenantId, task_id: taskId } = before;
  const approval = await updateDecided(tx, before.id, decision, actor, reason);
  const task = (await selectTask(tx, tenantId, taskId))!;
  const verb = decision === 'approve' ? 'approved' : 'rejected';
  const because = reason ? `: ${reason.slice(0, 500)}` : '';
  const journalEntryId = await tell(
    tx,
    task,
    `approval_${verb}`,
    actor,
    `"${task.title.slice(0, 200)}" was ${verb} by ${actor}${because}`,
    after,
    { approval_id: approval.id },
  );
  await recordAudit(tx, [
    {
      tenantId,
      actor,
      action: 'APPROVAL_DECIDED',
      traceId: task.trace_id,
      taskId,
      details: { approval_id: approval.id, decision: approval.status, reason },
    },
  ]);
  if (decision === 'approve') await placeTasks(tx, handler, [taskId], after);
  else
    await endUnclaimed(
      tx,
      handler,
      task,
      'failed',
      new ReeveError('rejected', `rejected by ${actor}${because}`),
      after,
      actor,
    );
  return { approval, task: (await selectTask(tx, tenantId, taskId))!, journalEntryId };
}

async function tell(
  tx: Tx,
  task: Task,
  type: 'approval_requested' | 'approval_approved' | 'approval_rejected',
  actor: string,
  summary: string,
  after: AfterCommit,
  details: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  after.journals.add(task.tenant_id);
  const [id] = await recordJournal(tx, [
    {
      tenantId: task.tenant_id,
      type,
      agentId: task.agent_id,
      taskId: task.id,
      sessionId: task.session_id,
      traceId: task.trace_id,
      actor,
      summary,
      details,
    },
  ]);
  return id!;
}
