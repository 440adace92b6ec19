import { selectAgentVersion } from '@reeve/agents';
import type { Run } from '@reeve/contract';
import { inTenant, type Tx } from '@reeve/db';
import { invalidField, newId, ReeveError } from '@reeve/kit';
import { forkSession } from '@reeve/memory';
import type { RunRecord, StepRecord } from './run.ts';
import { launch, type Launch, type RunRequest, type StartParts } from './start.ts';
import { selectRun, selectRunRecord } from './store/run.ts';
import { selectStepRecords } from './store/step.ts';

export interface ForkRequest {
  readonly requester: RunRequest['requester'];
  readonly runId: string;
  /** The first step that is made anew, from 1. */
  readonly fromStep: number;
  readonly message: string | undefined;
}

/**
 * Begins a run that shares another's steps before one, without copying them, in a session of its own that begins with what the
 * other's held before it. The agent is the version that the other began with. Throws `not_found`, and `invalid_request` for a
 * step that it cannot go on from.
 */
export async function forkRun(parts: StartParts, { requester, runId, fromStep, message }: ForkRequest): Promise<Run> {
  const { tenantId } = requester;
  const from = await inTenant(parts.database.db, tenantId, (tx) => selectRunRecord(tx, tenantId, { id: runId }));
  if (from === undefined) throw new ReeveError('not_found', `there is no run ${runId}`);
  const isAnew = fromStep === 1 && message !== undefined;
  const input = isAnew ? message : from.input;
  const payload = { forked_from: runId, from_step: fromStep, ...(message !== undefined && { message }) };
  const { source, agentSlug: agent, attachments } = from;
  const files = isAnew ? {} : { attachments };
  const request = { requester, source, agent, input, ...files, payload, sessionId: undefined };
  const started = await launch(parts, request, async (tx) => {
    requireStep(await selectStepRecords(tx, runId), fromStep, message);
    const sessionId = newId();
    await forkSession(tx, tenantId, { from: from.sessionId, until: from.historyUntil, to: sessionId });
    return { ...(await forkOf(tx, from, fromStep, isAnew ? undefined : message)), sessionId };
  });
  return (await inTenant(parts.database.db, tenantId, (tx) => selectRun(tx, tenantId, started.runId)))!;
}

async function forkOf(tx: Tx, from: RunRecord, step: number, said: string | undefined): Promise<Launch> {
  const config = await selectAgentVersion(tx, from.agentId, from.agentVersion);
  return { agent: { ...config, id: from.agentId, version: from.agentVersion }, fork: { from, step, said } };
}

/** Throws `invalid_request` where a run cannot go on from a step. */
function requireStep(steps: readonly StepRecord[], fromStep: number, message: string | undefined): void {
  if (fromStep > steps.length + 1)
    throw invalidField('from_step', `must be from 1 to ${steps.length + 1}: the run has ${steps.length} steps`);
  const shared = steps.slice(0, fromStep - 1);
  // A step that was cut off by a cancel is open again once its task is tried again.
  const open = shared.find(({ status, outcome }) => status === 'pending' || outcome === 'cancelled');
  if (open !== undefined)
    throw invalidField('from_step', `must be at most ${open.number}, which has not come to an end`);
  const asked = shared.findLastIndex(({ kind }) => kind === 'model');
  const turn = shared[asked];
  if (turn?.kind !== 'model') return;
  const unanswered = (turn.output?.toolCalls.length ?? 0) - (shared.length - asked - 1);
  if (unanswered > 0 && message !== undefined)
    throw invalidField(
      'message',
      `step ${fromStep} is a tool call that step ${turn.number} made: fork from step ${turn.number} to say something instead, or leave the message out`,
    );
  if (turn === shared.at(-1) && unanswered <= 0 && turn.output !== null && message === undefined)
    throw invalidField(
      'message',
      `is needed: step ${turn.number} gave the answer, and nothing follows from it by itself`,
    );
}
