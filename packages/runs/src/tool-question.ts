import type { NewRunEvent } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import { selectAskedTools, selectToolApprovals, type ToolQuestion } from '@reeve/tasks';
import type { ToolStep } from './run.ts';
import { selectCallerCalls } from './store/caller-tools.ts';
import { selectAwaited } from './store/child.ts';
import { hasTool, type RunExecution } from './execution.ts';

/** A question about a tool call, as it is recorded and as readers of the run are told of it. */
export function questionOf(
  { run }: Pick<RunExecution, 'run'>,
  { number, attempt, name, callId, input }: ToolStep,
  kind: ToolQuestion['kind'],
  id: string,
): { asked: ToolQuestion; event: NewRunEvent } {
  const title =
    kind === 'tool_call'
      ? `${run.agentSlug} wants to call ${name}`
      : `${run.agentSlug} called ${name}, and nobody knows what became of it: call it again, skip it, or give its result`;
  return {
    asked: {
      id,
      tenantId: run.tenantId,
      kind,
      taskId: run.taskId,
      runId: run.id,
      step: number,
      attempt,
      agentId: run.agentSlug,
      tool: name,
      toolCallId: callId,
      title,
      input,
    },
    event: { type: 'approval_required', step: number, approval_id: id, kind, tool_call_id: callId, name, input },
  };
}

/** Reads what people were asked about the calls of a run, what they decided, which pending calls they are to be asked about, how the child runs stand that calls wait for, and what the caller answered. */
export async function readAnswers(work: RunExecution): Promise<void> {
  const { database, run, steps } = work;
  const names = steps.flatMap((step) => (step.kind === 'tool' && step.status === 'pending' ? [step.name] : []));
  await inTenant(database.db, run.tenantId, async (tx) => {
    work.approvals = await selectToolApprovals(tx, run.id);
    work.children = await selectAwaited(tx, run.id);
    work.callerCalls = work.callerTools === null ? [] : await selectCallerCalls(tx, run.id);
    work.asked = await selectAskedTools(
      tx,
      run.tenantId,
      names.filter((name) => hasTool(work, name)),
    );
  });
}
