import type { NewRunEvent, ToolOutcome } from '@reeve/contract';
import { isTransient, type Database, type Tx } from '@reeve/db';
import { counter, ReeveError, type Log } from '@reeve/kit';
import type { ModelGateway } from '@reeve/models';
import { followUp, settleTask, shownError, type Claim, type Outcome, type TaskHandler } from '@reeve/tasks';
import { failedOutcome, type ToolContext, type ToolRegistry } from '@reeve/tools';
import { createCommitter, type Transition } from './committer.ts';
import type { Feed } from './feed.ts';
import { callModel } from './model-call.ts';
import {
  conversationOf,
  nextModelStep,
  rowOf,
  unknownOutcome,
  usageOf,
  type ModelStep,
  type RunRecord,
  type RunState,
  type StepRecord,
  type ToolStep,
} from './run.ts';
import { appendAnswer } from './session.ts';
import { addUsage, insertSteps, updateAbandoned, updateBegun, updateEndedRun, updateSettled } from './store.ts';

/** What the engine works with. */
export interface EngineParts {
  readonly database: Database;
  readonly feed: Feed;
  readonly models: ModelGateway;
  readonly tools: ToolRegistry;
  /** What a tool call of this run may touch. */
  readonly toolContext: (run: RunRecord, idempotencyKey: string, signal: AbortSignal) => Promise<ToolContext>;
  readonly handler: TaskHandler;
  readonly log: Log;
}

const stepsSettled = counter('reeve_steps_total', 'Steps settled.', ['kind', 'outcome']);

/**
 * Advances a claimed run to its end, one committed step at a time, and settles its task in the transaction that ends it.
 * Throws `lease_lost` or `shutting_down` where somebody else will go on, `unavailable` where the database was out of reach, and a
 * failure that `retryable` accepts, whose task is to be tried again; every other failure ends the run as failed. The agent's
 * time limit bounds the work of one claim: waiting and downtime do not count.
 */
export async function advanceRun(
  parts: EngineParts,
  claim: Claim,
  state: RunState,
  signal: AbortSignal,
  retryable: (error: ReeveError) => boolean,
): Promise<void> {
  const engine = createEngine(parts, claim, state);
  const limitMs = state.agent.limits.timeout_ms;
  const deadline = new AbortController();
  const timer = setTimeout(
    () => deadline.abort(new ReeveError('limit_reached', `the run worked longer than its limit of ${limitMs} ms`)),
    limitMs,
  );
  const stop = AbortSignal.any([signal, deadline.signal]);
  try {
    await engine.recover();
    while (!engine.ended()) {
      stop.throwIfAborted();
      await engine.step(stop);
    }
  } catch (thrown) {
    if (isTransient(thrown)) throw new ReeveError('unavailable', 'the database was out of reach', { cause: thrown });
    const error = ReeveError.from(stop.aborted ? stop.reason : thrown);
    if (error.reason === 'lease_lost' || error.reason === 'shutting_down' || (!stop.aborted && retryable(error)))
      throw error;
    if (error.reason === 'internal') parts.log.error({ err: error, run_id: state.run.id }, 'a run failed');
    await engine.fail(error);
  } finally {
    clearTimeout(timer);
  }
}

function createEngine(
  { database, feed, models, tools, toolContext, handler, log }: EngineParts,
  claim: Claim,
  { agent, history, lastSeq, ...initial }: RunState,
) {
  const commit = createCommitter(database, feed, claim, initial.run, lastSeq);
  let { run } = initial;
  let steps: readonly StepRecord[] = initial.steps;
  let ended = false;
  /** The end of this run's task made others ready. */
  let followed = false;
  /** Steps whose beginning this engine committed together with what came before them. */
  const begun = new Set(initial.begun);

  /** After a crash or a retry: calls that had begun and must not be repeated are settled as unknown, and there is a step to go on with. */
  async function recover(): Promise<void> {
    for (const step of steps) {
      if (
        step.kind !== 'tool' ||
        step.status === 'settled' ||
        step.attempt === 0 ||
        begun.has(step.number) ||
        tools.effectOf(step.name) !== 'external'
      )
        continue;
      log.warn(
        { run_id: run.id, step: step.number, tool: step.name },
        'the outcome of a tool call is unknown; it is not repeated',
      );
      await settleTool(step, unknownOutcome, 'unknown');
    }
    if (steps.some(({ status }) => status === 'pending')) return;
    const last = steps.at(-1);
    if (last?.kind === 'model' && (last.output?.toolCalls.length ?? 0) > 0) throw stepLimit();
    const next = nextModelStep(steps);
    await commit({ write: (tx) => insertPending(tx, [next]) });
    steps = [...steps, next];
    begun.add(next.number);
  }

  async function step(signal: AbortSignal): Promise<void> {
    const pending = steps.find(({ status }) => status === 'pending');
    if (pending === undefined) throw new ReeveError('internal', `run ${run.id} has no pending step`);
    await begin(pending);
    if (pending.kind === 'model') await modelStep(pending, signal);
    else await toolStep(pending, signal);
  }

  /** Commits that a step begins; where it had before, readers are told to void what it streamed then. */
  async function begin(pending: StepRecord): Promise<void> {
    if (begun.has(pending.number)) return;
    const again = pending.kind === 'model' && pending.attempt > 0;
    const event: NewRunEvent = {
      type: 'system',
      message: `step ${pending.number} is begun again after an interruption`,
      discard_step: pending.number,
    };
    await commit({ events: again ? [event] : [], write: (tx) => updateBegun(tx, run.id, pending.number) });
    begun.add(pending.number);
  }

  async function modelStep(pending: ModelStep, signal: AbortSignal): Promise<void> {
    log.debug({ run_id: run.id, step: pending.number }, 'calling the model');
    const request = {
      model: agent.model_id,
      system: agent.system_prompt,
      context: run.context,
      messages: conversationOf(history, run.input, steps),
      tools: tools.definitions(agent.tools),
    };
    const answer = await callModel(models, request, signal, pending.number, (events) => commit({ events }));
    const { text, toolCalls, finish, usage, model } = answer;
    const output = { text, toolCalls, finish };
    run = {
      ...run,
      inputTokens: run.inputTokens + usage.inputTokens,
      outputTokens: run.outputTokens + usage.outputTokens,
    };
    const after = replaced({ ...pending, status: 'settled', output });
    const settled: Transition & { write: (tx: Tx) => Promise<void> } = {
      events: [...answer.rest, { type: 'usage', step: pending.number, model, usage: usageOf(usage) }],
      audit: [
        { action: 'PLAN_MODEL_RESPONSE', details: { step: pending.number, model, tool_calls: toolCalls.length } },
      ],
      write: async (tx) => {
        await updateSettled(tx, run.id, pending.number, { output, outcome: 'success', usage });
        await addUsage(tx, run.id, usage);
      },
    };
    stepsSettled.inc({ kind: 'model', outcome: 'success' });
    if (toolCalls.length === 0) return complete(after, text, settled);
    if (steps.length + toolCalls.length + 1 > agent.limits.max_steps) {
      await commit(settled);
      steps = after;
      throw stepLimit();
    }
    const calls = toolCalls.map(({ id, name, input }, index): ToolStep => {
      return {
        number: steps.length + 1 + index,
        kind: 'tool',
        status: 'pending',
        attempt: index === 0 ? 1 : 0,
        name,
        callId: id,
        input,
        output: null,
      };
    });
    await commit({
      events: [
        ...settled.events!,
        ...calls.map((call): NewRunEvent => ({
          type: 'tool_call',
          step: call.number,
          tool_call_id: call.callId,
          name: call.name,
          input: call.input,
        })),
      ],
      audit: [
        ...settled.audit!,
        ...calls.map((call) => ({ action: 'TOOL_CALL' as const, details: { step: call.number, tool: call.name } })),
      ],
      write: async (tx) => {
        await settled.write(tx);
        await insertPending(tx, calls);
      },
    });
    steps = [...after, ...calls];
    begun.add(calls[0]!.number);
  }

  async function toolStep(pending: ToolStep, signal: AbortSignal): Promise<void> {
    log.debug({ run_id: run.id, step: pending.number, tool: pending.name }, 'calling a tool');
    const outcome = await callTool(pending, signal);
    signal.throwIfAborted();
    await settleTool(pending, outcome, outcome.tool_status);
  }

  async function callTool(pending: ToolStep, signal: AbortSignal): Promise<ToolOutcome> {
    if (!agent.tools.includes(pending.name)) return failedOutcome('denied', `this agent has no tool ${pending.name}`);
    if (agent.approvals.includes(pending.name))
      return failedOutcome('denied', `${pending.name} needs a person’s approval, which this release cannot ask for`);
    try {
      return await tools.execute(
        pending.name,
        pending.input,
        await toolContext(run, `${run.id}:${pending.number}`, signal),
      );
    } catch (thrown) {
      const error = ReeveError.from(thrown);
      if (error.reason === 'unknown_tool') return failedOutcome('error', error.message);
      throw error;
    }
  }

  /** Settles a tool call and begins what comes next in the same transaction: the next call, or the model when it was the last. */
  async function settleTool(pending: ToolStep, output: ToolOutcome, outcome: string): Promise<void> {
    const after = replaced({ ...pending, status: 'settled', output });
    const next = after.find(({ status }) => status === 'pending');
    const model = next === undefined ? nextModelStep(after) : undefined;
    const { number, callId, name } = pending;
    stepsSettled.inc({ kind: 'tool', outcome });
    await commit({
      events: [
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
          action: outcome === 'success' ? 'TOOL_RESULT' : outcome === 'denied' ? 'TOOL_DENIED' : 'TOOL_ERROR',
          details: { step: number, tool: name, outcome },
        },
      ],
      write: async (tx) => {
        await updateSettled(tx, run.id, number, { output, outcome });
        if (model !== undefined) await insertPending(tx, [model]);
      },
    });
    steps = model === undefined ? after : [...after, model];
    if (model !== undefined) begun.add(model.number);
  }

  async function complete(
    after: readonly StepRecord[],
    answer: string,
    settled: Transition & { write: (tx: Tx) => Promise<void> },
  ): Promise<void> {
    const outcome: Outcome = {
      status: 'completed',
      result: { response: answer, run_id: run.id, usage: usageOf(run) },
      summary: answer.slice(0, 500),
    };
    await commit({
      events: [...settled.events!, ...closing('completed', answer)],
      audit: [...settled.audit!, { action: 'PLAN_END', details: { status: 'completed' } }],
      write: async (tx) => {
        await settled.write(tx);
        await updateEndedRun(tx, run.id, { status: 'completed', result: answer, error: null });
        await appendAnswer(tx, run, after, answer);
        followed = await settleTask(tx, claim, outcome);
      },
    });
    await end();
  }

  async function fail(error: ReeveError): Promise<void> {
    const status = error.reason === 'cancelled' ? 'cancelled' : 'failed';
    const shown = shownError(error);
    await commit({
      events: [{ type: 'error', message: shown.message, code: shown.reason }, ...closing(status, null)],
      audit: [
        { action: 'PLAN_ERROR', details: { code: shown.reason } },
        { action: 'PLAN_END', details: { status } },
      ],
      write: async (tx) => {
        await updateAbandoned(tx, run.id);
        await updateEndedRun(tx, run.id, {
          status,
          result: null,
          error: { code: shown.reason, message: shown.message },
        });
        followed = await settleTask(tx, claim, { status, error: shown });
      },
    });
    await end();
  }

  function stepLimit(): ReeveError {
    return new ReeveError('limit_reached', `the run needed more than its limit of ${agent.limits.max_steps} steps`);
  }

  async function end(): Promise<void> {
    ended = true;
    database.notify('reeve_journal', run.tenantId);
    if (followed) await followUp(database, handler);
  }

  function closing(status: 'completed' | 'failed' | 'cancelled', result: string | null): NewRunEvent[] {
    const duration_ms = Date.now() - (run.startedAt ?? run.createdAt).getTime();
    return [
      { type: 'result', status, result, usage: usageOf(run), steps: steps.length, duration_ms },
      { type: 'session_end', session_id: run.sessionId, status },
    ];
  }

  function insertPending(tx: Tx, pending: readonly StepRecord[]): Promise<void> {
    return insertSteps(
      tx,
      run.tenantId,
      run.id,
      pending.map((step) => rowOf(step, agent.model_id ?? models.defaultModel, history.length)),
    );
  }

  function replaced(settled: StepRecord): StepRecord[] {
    return steps.map((step) => (step.number === settled.number ? settled : step));
  }

  return { recover, step, fail, ended: () => ended };
}
