import { ReeveError } from '@reeve/kit';
import type { ModelToolCall } from '@reeve/models';
import { failedOutcome } from '@reeve/tools';
import type { ToolOutcome } from '@reeve/contract';
import type { StepRecord } from './run.ts';

/*
 * Arguments of a tool call that are not JSON: the gateway of models leaves them as the text that they are. Such a call is never
 * made, and nobody is asked about it. The model is told, and where its next turn has such a call again, the run fails.
 */

/** Characters of the arguments that are quoted. */
const QUOTED = 500;

export function isUnreadable(input: unknown): input is string {
  return typeof input === 'string';
}

/** What a model is told of such a call. */
export function unreadableOutcome(input: string): ToolOutcome {
  const how = isCutOff(input) ? 'one JSON object that is shorter: these were cut off' : 'one JSON object';
  return failedOutcome(
    'error',
    `The arguments of this call are not valid JSON, so it was not made. They were: ${quote(input)}\nCall the tool again with ${how}.`,
  );
}

/** Whether an object was begun and not ended: the model ran into its output limit. */
function isCutOff(text: string): boolean {
  return text.trimStart().startsWith('{') && !text.trimEnd().endsWith('}');
}

/** The input of a call as a model is shown it: providers take no text there, and the outcome quotes it. */
export function shownInput(input: unknown): unknown {
  return isUnreadable(input) ? {} : input;
}

/**
 * The failure of a run whose model makes such a call although it was just told of one; undefined where its calls are well, or this is
 * the first turn of the kind. `steps` end before the turn.
 */
export function unreadableTwice(steps: readonly StepRecord[], calls: readonly ModelToolCall[]): ReeveError | undefined {
  const call = calls.find(({ input }) => isUnreadable(input));
  const turn = steps.findLastIndex((step) => step.kind === 'model' && step.output !== null);
  const wasTold = steps.slice(turn + 1).some((step) => step.kind === 'tool' && isUnreadable(step.input));
  if (call === undefined || !wasTold) return undefined;
  return new ReeveError(
    'malformed_answer',
    `the model called ${call.name} with arguments that are not valid JSON, after it had been told so once. It said: ${quote(call.input as string)}`,
  );
}

function quote(text: string): string {
  return text.length > QUOTED ? `${text.slice(0, QUOTED).toWellFormed()} …` : text;
}
