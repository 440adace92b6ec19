import type { NewRunEvent } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import { selectToolApprovals, type ToolQuestion } from '@reeve/tasks';
import type { ToolStep } from './run.ts';
import type { Work } from './work.ts';

/** A question about a tool call, as it is recorded and as readers of the run are told of it. */
export function questionOf(
  { run }: Pick<Work, 'run'>,
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

/** Reads what people were asked about the calls of a run, and decided. */
export async function readApprovals(work: Work): Promise<void> {
  const { database, run } = work;
  work.approvals = await inTenant(database.db, run.tenantId, (tx) => selectToolApprovals(tx, run.id));
}
