import type { ToolChoice } from '@reeve/contract';
import { requesterOf } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import type { ModelRequest } from '@reeve/models';
import { answerCalls, readCallerCallId, type AnsweredRun, type CallerTools } from '@reeve/runs';
import { outcomeOf } from '@reeve/tools';
import { toolChoiceOf } from './model-call.ts';
import type { Caller, ProtocolParts } from './protocol.ts';
import type { ConversationMessage } from './message-mapping.ts';

/** The tools of a request as a run takes them; undefined where it offers none, or wants none called. */
export function callerToolsOf(
  tools: ModelRequest['tools'],
  wanted: ToolChoice | null | undefined,
): CallerTools | undefined {
  const choice = toolChoiceOf(wanted);
  if (choice === 'none' || (tools.length === 0 && choice === undefined)) return undefined;
  return { tools, ...(choice !== undefined && choice !== 'auto' && { choice }) };
}

/**
 * Gives the results at the end of what a caller says to the run that waits for them; undefined where something else is said last.
 * Throws `invalid_request` where no run of the caller waits for one of them, or another one than `expected`.
 */
export async function answerRun(
  parts: ProtocolParts,
  caller: Caller,
  said: readonly ConversationMessage[],
  expected?: string,
): Promise<AnsweredRun | undefined> {
  const results = said.slice(said.findLastIndex(({ role }) => role !== 'tool') + 1);
  if (results.length === 0) return undefined;
  const answers = results.flatMap((message) =>
    message.role === 'tool'
      ? [{ callId: message.toolCallId, outcome: outcomeOf({ status: 'success', result: message.output }) }]
      : [],
  );
  const other = answers.find(({ callId }) => (readCallerCallId(callId)?.runId ?? expected) !== expected);
  if (expected !== undefined && other !== undefined)
    throw new ReeveError('invalid_request', `the call ${other.callId} is none of the response that you go on with`);
  return answerCalls(parts, requesterOf(caller), answers);
}

/** The runs whose calls a conversation holds. */
export function runsCalledIn(said: readonly ConversationMessage[]): string[] {
  const ids = said.flatMap((message) => (message.role === 'assistant' ? message.toolCalls.map(({ id }) => id) : []));
  return [...new Set(ids.flatMap((id) => readCallerCallId(id)?.runId ?? []))];
}
