import type { NewRunEvent } from '@reeve/contract';
import { counter, ReeveError, sleep } from '@reeve/kit';
import { hasBrokenOff, type ModelRequest } from '@reeve/models';
import { discardEvent, ledgerOf, turnOf, type RunExecution } from './execution.ts';
import { callModel, type ModelAnswer } from './model-call.ts';
import { pauseMs } from './pause.ts';

/** How often the call of a step is repeated whose answer broke off. */
const REPEATS = 3;

const repeats = counter('reeve_model_repeats_total', 'Model calls of runs made again since their answer broke off.', [
  'reason',
]);

/**
 * Makes the model call of a step, its text streamed to readers unless `isSilent`. Where the answer breaks off, readers are told to
 * void what they have of it, and the call is made again after a pause, up to three times. The ledger has each call. Throws what the
 * last call threw.
 */
export async function askModel(
  work: RunExecution,
  step: number,
  request: ModelRequest,
  signal: AbortSignal,
  { isSilent = false } = {},
): Promise<ModelAnswer> {
  const { models, log, pauses, run } = work;
  for (let repeated = 0; ; repeated += 1) {
    let hasStreamed = false;
    const write = async (events: readonly NewRunEvent[]) => {
      if (isSilent) return;
      hasStreamed ||= events.some(({ type }) => type !== 'system');
      await work.commit({ events });
    };
    try {
      return await callModel(models, request, signal, step, write, ledgerOf(work, step), turnOf(work));
    } catch (thrown) {
      const error = ReeveError.from(thrown);
      if (signal.aborted || repeated === REPEATS || !hasBrokenOff(error)) throw thrown;
      const pause = pauseMs(repeated + 1, pauses);
      repeats.inc({ reason: error.reason });
      log.warn(
        { err: error, run_id: run.id, step, pause_ms: pause },
        'an answer of a model broke off; it is asked again',
      );
      await work.commit({ again: [step], events: hasStreamed ? [discardEvent(step)] : [] });
      await sleep(pause, signal);
      signal.throwIfAborted();
    }
  }
}
