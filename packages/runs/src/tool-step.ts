import type { NewRunEvent, ToolOutcome } from '@reeve/contract';
import { newId, ReeveError } from '@reeve/kit';
import { requestToolApproval } from '@reeve/tasks';
import { failedOutcome } from '@reeve/tools';
import { openChild, opensChild } from './child-step.ts';
import type { Transition } from './committer.ts';
import { findLoop } from './loop.ts';
import { stepsSettled } from './model-step.ts';
import { nextModelStep, type StepRecord, type ToolStep } from './run.ts';
import { decideTool, inputOf, withEditedInput, type ToolApproval, type ToolDecision } from './tool-decision.ts';
import { questionOf, readAnswers } from './tool-question.ts';
import { hasTool, isOffered, withStep, type RunExecution } from './execution.ts';

/**
 * Does what can be done of the pending tool calls: settles what people decided and child runs came to, opens the next child run,
 * or makes the next call, together with those after it where none of them has an effect. Where nothing can be done it answers
 * what is waited for: the caller, if any call is the caller's to make, else people, else child runs.
 */
export async function toolSteps(work: RunExecution, signal: AbortSignal): Promise<Waited | undefined> {
  const due = work.steps
    .filter((step) => step.kind === 'tool')
    .filter(({ status }) => status === 'pending')
    .map((step) => ({ step, decision: decisionOf(work, step) }));
  const next = due.find(({ decision }) => decision.do !== 'wait');
  if (next === undefined) {
    const waited = due.flatMap(({ decision }) => (decision.do === 'wait' ? [decision.for] : []));
    return ORDER.find((one) => waited.includes(one));
  }
  const { step, decision } = next;
  if (decision.do === 'ask') await ask(work, step, decision.kind);
  else if (decision.do === 'settle') await settle(work, step, decision.outcome, decision.label, decision.answered);
  else if (decision.do === 'call' && opensChild(work, step)) await open(work, { step, decision });
  else if (decision.do === 'call') await callTogether(work, together(work, due.slice(due.indexOf(next))), signal);
  return undefined;
}

type Waited = Extract<ToolDecision, { do: 'wait' }>['for'];

/** What a run says that it waits for, where its calls wait for several things: the caller needs to know of its calls at once. */
const ORDER: readonly Waited[] = ['caller', 'approval', 'dependencies'];

type Call = { readonly step: ToolStep; readonly decision: Extract<ToolDecision, { do: 'call' }> };

/** The first of these calls, with those right behind it that can be made beside it: none of them has an effect. */
function together(work: RunExecution, due: readonly { step: ToolStep; decision: ToolDecision }[]): Call[] {
  const calls: Call[] = [];
  for (const { step, decision } of due) {
    if (decision.do !== 'call') break;
    if (calls.length > 0 && (hasEffect(work, calls[0]!) || hasEffect(work, { step, decision }))) break;
    calls.push({ step, decision });
  }
  return calls;
}

function hasEffect(work: RunExecution, { step, decision }: Call): boolean {
  return work.tools.effectOf(step.name, decision.input) !== 'none';
}

function decisionOf(work: RunExecution, step: ToolStep): ToolDecision {
  const about = (kind: ToolApproval['kind']) =>
    work.approvals.find((approval) => approval.step === step.number && approval.kind === kind);
  const call = about('tool_call');
  return decideTool(
    step,
    { call, outcome: about('tool_outcome') },
    {
      effect: work.tools.effectOf(step.name, inputOf(step, call)),
      begunHere: work.begun.has(step.number),
      asked: isOffered(work, step.name) && isAsked(work, step.name),
      child: work.children.find(({ step: number }) => number === step.number),
      callerCall: work.callerCalls.find(({ step: number }) => number === step.number),
    },
  );
}

function isAsked({ agent, asked, rules }: RunExecution, tool: string): boolean {
  return agent.approvals.includes(tool) || asked.has(tool) || rules(tool) === 'approve';
}

/** Asks people about a call that they have not been asked about under these circumstances. */
async function ask(work: RunExecution, step: ToolStep, kind: 'tool_call' | 'tool_outcome'): Promise<void> {
  const { asked, event } = questionOf(work, step, kind, newId());
  if (kind === 'tool_outcome')
    work.log.warn(
      { run_id: work.run.id, step: step.number, tool: step.name },
      'the outcome of a tool call is unknown; it is not repeated',
    );
  await work.commit({
    events: [event],
    write: (tx, effects) => requestToolApproval(tx, work.claim.task, asked, effects),
  });
  await readAnswers(work);
}

/** Opens the child run of a call; where it may not be opened, that is what the call came to. */
async function open(work: RunExecution, { step, decision: { input, edited, answered } }: Call): Promise<void> {
  const refused = await openChild(work, step, input, decidedEvents(step, answered));
  if (refused === undefined) return;
  await settle(work, step, withEditedInput(refused, edited), refused.tool_status, answered);
}

/** Makes calls side by side, and settles each as it ends. Throws what the first of them threw, once all have ended. */
async function callTogether(work: RunExecution, calls: readonly Call[], signal: AbortSignal): Promise<void> {
  await begin(work, calls);
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  let settled: Promise<void> = Promise.resolve();
  await Promise.all(
    calls.map(async ({ step, decision: { input, edited } }) => {
      work.log.debug({ run_id: work.run.id, step: step.number, tool: step.name }, 'calling a tool');
      try {
        const outcome = withEditedInput(await call(work, step, input, stop), edited);
        stop.throwIfAborted();
        settled = settled.then(() => settle(work, step, outcome, outcome.tool_status));
        await settled;
      } catch (error) {
        failed.abort(error);
      }
    }),
  );
  signal.throwIfAborted();
  failed.signal.throwIfAborted();
}

/** Commits that calls begin, with the decisions that let them. */
async function begin(work: RunExecution, calls: readonly Call[]): Promise<void> {
  const waiting = calls.filter(({ step }) => !work.begun.has(step.number));
  if (waiting.length === 0) return;
  await work.commit({
    events: waiting.flatMap(({ step, decision: { answered } }) => decidedEvents(step, answered)),
    again: waiting.map(({ step }) => step.number),
  });
  work.steps = work.steps.map((step) =>
    waiting.some((one) => one.step.number === step.number) ? { ...step, attempt: step.attempt + 1 } : step,
  );
  for (const { step } of waiting) work.begun.add(step.number);
}

async function call(work: RunExecution, step: ToolStep, input: unknown, signal: AbortSignal): Promise<ToolOutcome> {
  const { tools, agent, run } = work;
  if (!hasTool(work, step.name)) return failedOutcome('denied', `this agent has no tool ${step.name}`);
  if (!isOffered(work, step.name)) return failedOutcome('denied', `this tenant does not allow the tool ${step.name}`);
  try {
    return await tools.execute(
      step.name,
      input,
      await work.toolContext(run, agent, `${run.id}:${step.number}`, signal),
    );
  } catch (thrown) {
    const error = ReeveError.from(thrown);
    if (error.reason === 'unknown_tool') return failedOutcome('error', error.message);
    throw error;
  }
}

/** Settles a tool call. The last one of its turn waits to be committed with the model call that it leads to. */
async function settle(
  work: RunExecution,
  { number }: ToolStep,
  output: ToolOutcome,
  label: string,
  answered?: ToolApproval,
): Promise<void> {
  const pending = work.steps.find((step) => step.number === number) as ToolStep;
  const after = withStep(work, { ...pending, status: 'settled', output });
  const isLast = after.every(({ status }) => status === 'settled');
  const loop = isLast ? findLoop(after) : undefined;
  const next: StepRecord | undefined = isLast && loop === undefined ? nextModelStep(work.run.id, after) : undefined;
  const { callId, name } = pending;
  stepsSettled.inc({ kind: 'tool', outcome: label });
  const transition: Transition = {
    settled: [{ number, output, outcome: label }],
    begun: next === undefined ? [] : [next],
    events: [
      ...decidedEvents(pending, answered),
      {
        type: 'tool_result',
        step: number,
        tool_call_id: callId,
        name,
        status: output.tool_status,
        output: output.result,
        duration_ms: output.duration_ms,
      },
    ],
    audit: [
      {
        action: label === 'success' ? 'TOOL_RESULT' : label === 'denied' ? 'TOOL_DENIED' : 'TOOL_ERROR',
        details: {
          step: number,
          tool: name,
          outcome: label,
          ...(pending.childRunId !== null && { child_run_id: pending.childRunId }),
        },
      },
    ],
  };
  if (next === undefined) await work.commit(transition);
  else work.later(transition);
  work.steps = next === undefined ? after : [...after, next];
  if (next !== undefined) work.begun.add(next.number);
  if (loop !== undefined)
    throw new ReeveError(
      'limit_reached',
      `the agent called ${loop} three times with the same input and the same result: it was going round in circles, so it was stopped`,
    );
}

/** Readers hear of a decision when it is carried out. */
function decidedEvents({ number, callId }: ToolStep, approval: ToolApproval | undefined): NewRunEvent[] {
  if (approval === undefined) return [];
  return [
    {
      type: 'approval_decided',
      step: number,
      approval_id: approval.id,
      tool_call_id: callId,
      decision: approval.status === 'approved' ? 'approve' : 'reject',
      reason: approval.reason,
    },
  ];
}
