import type { NewRunEvent } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import type { ModelRequest } from '@reeve/models';
import { askModel } from './ask-model.ts';
import { cutOf, extractOf, fits, summaryRequest } from './compaction.ts';
import { summaryOf, wholeConversation, withSummary } from './conversation.ts';
import { stepsSettled } from './model-step.ts';
import { NOTHING_USED, nextModelStep, sumUsed, usageOf, type CompactionStep, type Used } from './run.ts';
import { requestOf, withStep, type RunExecution } from './execution.ts';
import { findSessionSummary } from './session.ts';

/**
 * Puts a summary in the place of the oldest messages: the one that an earlier run of the session made, where that leaves room
 * enough, else a new one. Nothing is lost: the steps stay, and the summary says how many messages it stands for. Where no model can
 * sum them up, their beginnings stand for them.
 */
export async function compactionStep(work: RunExecution, pending: CompactionStep, signal: AbortSignal): Promise<void> {
  const { models, run, history, steps, database } = work;
  const whole = wholeConversation(history, run, steps);
  const request = requestOf(work);
  const own = summaryOf(steps);
  const ofSession =
    own === null ? await inTenant(database.db, run.tenantId, (tx) => findSessionSummary(tx, run)) : undefined;
  const earlier = own ?? ofSession;
  const reused = ofSession && { ...ofSession, reused: true as const };
  if (reused !== undefined && fits(models, request, withSummary(whole, reused, history.length, run)))
    return settle(work, pending, reused, undefined);
  const already = earlier?.messages ?? 0;
  const cut = cutOf(models, request, whole, already);
  if (cut === undefined && reused !== undefined) return settle(work, pending, reused, undefined);
  if (cut === undefined) {
    const { contextTokens } = models.describe(work.agent.model_id);
    const most = contextTokens === null ? 'what' : `the ${contextTokens} tokens that`;
    throw new ReeveError('context_too_long', `the latest turn alone is longer than ${most} the model takes`);
  }
  const messages = whole.slice(already, cut);
  const asked = summaryRequest(models, work.agent.model_id, messages, earlier?.text);
  const summary = await summarize(work, asked, pending.number, signal);
  const text = summary?.text ?? extractOf(messages, earlier?.text);
  await settle(work, pending, { text, messages: cut }, summary);
}

/** Commits the summary and begins the model call that is to be shown it. */
async function settle(
  work: RunExecution,
  pending: CompactionStep,
  output: NonNullable<CompactionStep['output']>,
  summary: { readonly used: Used; readonly model: string } | undefined,
): Promise<void> {
  const { run } = work;
  const used = summary?.used ?? NOTHING_USED;
  work.run = { ...run, used: sumUsed(run.used, used) };
  const after = withStep(work, { ...pending, status: 'settled', output });
  const next = nextModelStep(run.id, after);
  stepsSettled.inc({ kind: 'compaction', outcome: 'success' });
  const told: NewRunEvent = {
    type: 'system',
    phase: 'compacted',
    message: `the conversation was too long for the model; a summary replaces its first ${output.messages} messages`,
  };
  await work.commit({
    events:
      summary === undefined
        ? [told]
        : [told, { type: 'usage', step: pending.number, model: summary.model, usage: usageOf(used) }],
    settled: [{ number: pending.number, output, outcome: 'success', used }],
    begun: [next],
  });
  work.steps = [...after, next];
  work.begun.add(next.number);
}

/** Undefined where the model failed at it. Throws where the run is to stop, its budget has no room, or it waits for its model. */
async function summarize(
  work: RunExecution,
  request: ModelRequest,
  step: number,
  signal: AbortSignal,
): Promise<{ text: string; used: Used; model: string } | undefined> {
  try {
    const { text, end } = await askModel(work, step, request, signal, { isSilent: true });
    work.waitedFor = null;
    return text.trim() === '' ? undefined : { text, used: { ...end.usage, costNano: end.costNano }, model: end.model };
  } catch (thrown) {
    signal.throwIfAborted();
    const error = ReeveError.from(thrown);
    if (error.reason === 'budget_exhausted' || work.afterFailure(error, 'compaction') === 'wait') throw error;
    work.log.warn({ err: error, run_id: work.run.id, step }, 'a conversation could not be summed up by the model');
    return undefined;
  }
}
