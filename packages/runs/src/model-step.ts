import type { NewRunEvent } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { counter, newId, ReeveError } from '@reeve/kit';
import type { ModelToolCall } from '@reeve/models';
import { requestToolApproval, selectAskedTools, type PostCommitEffects } from '@reeve/tasks';
import { askModel } from './ask-model.ts';
import { withAttachments } from './attachments.ts';
import { isTooLong } from './compaction.ts';
import { complete, fail } from './ending.ts';
import type { ModelAnswer } from './model-call.ts';
import {
  nextModelStep,
  sumUsed,
  usageOf,
  type ModelOutput,
  type ModelStep,
  type StepRecord,
  type ToolStep,
} from './run.ts';
import { insertCallerCalls } from './store/caller-tools.ts';
import type { SettledStep } from './store/transition.ts';
import { questionOf, readAnswers } from './tool-question.ts';
import { isUnreadable, unreadableTwice } from './unreadable-arguments.ts';
import { discardEvent, isOfCaller, isOffered, requestOf, withStep, type RunExecution } from './execution.ts';

export const stepsSettled = counter('reeve_steps_total', 'Steps settled.', ['kind', 'outcome']);

/** Makes a model call and does what it says: ends the run with its answer, or begins the tool calls that it asks for. */
export async function modelStep(work: RunExecution, pending: ModelStep, signal: AbortSignal): Promise<void> {
  const { models, run, log } = work;
  const request = await withAttachments(requestOf(work), (file, maxBytes) =>
    work.readAttachment(run.tenantId, file, maxBytes),
  );
  const before = work.steps.at(-2);
  // A summary that was there already may have been too little.
  const isCompacted = before?.kind === 'compaction' && before.output?.reused !== true;
  if (!isCompacted && isTooLong(models, request)) return compactFirst(work, pending, 'context_too_long');
  log.debug({ run_id: run.id, step: pending.number }, 'calling the model');
  let answer: ModelAnswer;
  try {
    answer = await askModel(work, pending.number, request, signal);
  } catch (thrown) {
    // The provider may count more tokens than we do, or cut the conversation and answer to the rest.
    const { reason } = ReeveError.from(thrown);
    if ((reason !== 'context_too_long' && reason !== 'context_truncated') || isCompacted) throw thrown;
    return compactFirst(work, pending, reason);
  }
  const { text, toolCalls, end } = answer;
  work.waitedFor = null;
  const unreadable = unreadableTwice(
    work.steps.filter(({ number }) => number < pending.number),
    toolCalls,
  );
  if (unreadable !== undefined) return fail(work, unreadable, answer.rest);
  if (end.reason === 'length' && toolCalls.length === 0 && text.trim() === '')
    return fail(work, nothingSaid(end), answer.rest);
  const output: ModelOutput = {
    text,
    toolCalls,
    finish: end.reason,
    ...(end.providerData !== undefined && { providerData: end.providerData }),
  };
  work.run = { ...run, used: sumUsed(run.used, { ...end.usage, costNano: end.costNano }) };
  stepsSettled.inc({ kind: 'model', outcome: 'success' });
  const after = withStep(work, { ...pending, status: 'settled', output });
  const settled = settlement(pending, answer, output);
  if (toolCalls.length === 0) return complete(work, after, text, settled);
  if (work.steps.length + toolCalls.length + 1 > work.agent.limits.max_steps) {
    await work.commit(settled);
    work.steps = after;
    throw stepLimit(work);
  }
  await beginCalls(work, after, toolCalls, settled);
}

/** What a run is told that has used all its steps. */
export function stepLimit({ agent }: RunExecution): ReeveError {
  return new ReeveError('limit_reached', `the run needed more than its limit of ${agent.limits.max_steps} steps`);
}

/** A model that spent its output limit on reasoning. */
function nothingSaid({ model, usage }: ModelAnswer['end']): ReeveError {
  return new ReeveError(
    'limit_reached',
    `${model} used the ${usage.outputTokens} output tokens that it may use and answered nothing: it was still thinking. Raise its max_output_tokens in the table of models, or switch its thinking off`,
  );
}

/** The transition that settles a model call. */
function settlement({ number }: ModelStep, { toolCalls, end, rest }: ModelAnswer, output: ModelOutput) {
  const used = { ...end.usage, costNano: end.costNano };
  const { provider, model } = end;
  return {
    events: [...rest, { type: 'usage', step: number, model, usage: usageOf(used) }] as NewRunEvent[],
    audit: [
      {
        action: 'PLAN_MODEL_RESPONSE' as const,
        details: { step: number, provider, model, tool_calls: toolCalls.length },
      },
    ],
    settled: [{ number, output, outcome: 'success', used }] as [SettledStep],
  };
}

/** Settles the model call and begins its tool calls; people are asked at once about those that they are asked about. */
async function beginCalls(
  work: RunExecution,
  after: readonly StepRecord[],
  toolCalls: readonly ModelToolCall[],
  settled: ReturnType<typeof settlement>,
): Promise<void> {
  const { run, agent, claim } = work;
  const names = toolCalls.map(({ name }) => name).filter((name) => isOffered(work, name));
  const steps = settled.settled.map((step) => ({ ...step, output: withoutInputs(step.output as ModelOutput) }));
  let calls: ToolStep[] = [];
  await work.commit(async (read) => {
    const asked = await selectAskedTools(read, run.tenantId, names);
    for (const name of names) if (agent.approvals.includes(name) || work.rules(name) === 'approve') asked.add(name);
    const isAsked = ({ name, input }: Pick<ToolStep, 'name' | 'input'>) => asked.has(name) && !isUnreadable(input);
    const first = toolCalls.findIndex(
      (call) => !isAsked(call) && !isUnreadable(call.input) && !isOfCaller(work, call.name),
    );
    calls = toolCalls.map(({ id, name, input }, index) => ({
      runId: run.id,
      number: after.length + 1 + index,
      kind: 'tool',
      status: 'pending',
      attempt: index === first ? 1 : 0,
      name,
      callId: id,
      input,
      childRunId: null,
      output: null,
    }));
    const questions = calls.filter(isAsked).map((call) => questionOf(work, call, 'tool_call', newId()));
    const forCaller = calls
      .filter(({ name, input }) => isOfCaller(work, name) && !isUnreadable(input))
      .map(({ number }) => number);
    return {
      settled: steps,
      begun: calls,
      events: [
        ...settled.events,
        ...calls.map((call) => toolCallEvent(call, forCaller.includes(call.number))),
        ...questions.map(({ event }) => event),
      ],
      audit: [
        ...settled.audit,
        ...calls.map(({ number, name }) => ({ action: 'TOOL_CALL' as const, details: { step: number, tool: name } })),
      ],
      async write(tx: Tx, effects: PostCommitEffects) {
        await insertCallerCalls(tx, run.tenantId, run.id, forCaller, work.callerWaitMs);
        for (const question of questions) await requestToolApproval(tx, claim.task, question.asked, effects);
      },
    };
  });
  work.steps = [...after, ...calls];
  for (const { number, attempt } of calls) if (attempt > 0) work.begun.add(number);
  if (calls.some(({ attempt }) => attempt === 0)) await readAnswers(work);
}

/** What a model said as it is kept where its calls have steps: these hold their inputs, and nothing else does. */
function withoutInputs(output: ModelOutput) {
  return { ...output, toolCalls: output.toolCalls.map(({ id, name }) => ({ id, name })) };
}

/** Tells readers of a tool call, which may be one that the caller is to make. */
export function toolCallEvent({ number, callId, name, input }: ToolStep, isForCaller: boolean): NewRunEvent {
  return {
    type: 'tool_call',
    step: number,
    tool_call_id: callId,
    name,
    input,
    ...(isForCaller && { for_caller: true as const }),
  };
}

/** Settles the model call as not made: its conversation is to be summed up first, and the call made after that. */
async function compactFirst(
  work: RunExecution,
  pending: ModelStep,
  outcome: 'context_too_long' | 'context_truncated',
): Promise<void> {
  const after = withStep(work, { ...pending, status: 'settled', output: null });
  const next: StepRecord = { ...nextModelStep(work.run.id, after), kind: 'compaction', output: null };
  await work.commit({
    events: [
      ...(outcome === 'context_truncated' ? [discardEvent(pending.number)] : []),
      {
        type: 'system',
        phase: 'compacting',
        message: 'the conversation is too long for the model; summarizing its oldest messages',
      },
    ],
    settled: [{ number: pending.number, output: null, outcome }],
    begun: [next],
  });
  work.steps = [...after, next];
  work.begun.add(next.number);
}
