import type { UiMessage } from '@reeve/contract';
import { invalidField } from '@reeve/kit';
import { failedOutcome, outcomeOf } from '@reeve/tools';
import type { CallerAnswer, CallerTools } from '@reeve/runs';
import type { ConversationMessage } from './message-mapping.ts';

/** An answer to an approval that a client sends with its next request. */
export interface Answered {
  readonly approvalId: string;
  readonly approved: boolean;
  readonly reason: string | null;
}

/** The approval decisions in the last message; none if it is the user’s. */
export function answersIn(messages: readonly UiMessage[]): Answered[] {
  const last = messages.at(-1);
  if (last?.role !== 'assistant') return [];
  return last.parts.flatMap(({ state, approval }) =>
    state === 'approval-responded' && approval?.approved !== undefined
      ? [{ approvalId: approval.id, approved: approval.approved, reason: approval.reason ?? null }]
      : [],
  );
}

/** The outputs of the client’s own tools in the last step of the last message; none where that is the user’s. */
export function resultsIn(messages: readonly UiMessage[]): CallerAnswer[] {
  const last = messages.at(-1);
  if (last?.role !== 'assistant') return [];
  const step = last.parts.slice(last.parts.findLastIndex(({ type }) => type === 'step-start') + 1);
  return step.flatMap(({ toolCallId: callId, providerExecuted, state, output, errorText }) => {
    if (callId === undefined || providerExecuted === true) return [];
    if (state === 'output-available') return [{ callId, outcome: outcomeOf({ status: 'success', result: output }) }];
    if (state === 'output-error') return [{ callId, outcome: failedOutcome('error', errorText ?? 'it failed') }];
    return [];
  });
}

/** The client’s own tools; undefined where there are none. */
export function callerToolsOf(
  offered:
    | Readonly<Record<string, { description?: string | null | undefined; parameters?: object | null | undefined }>>
    | null
    | undefined,
): CallerTools | undefined {
  const tools = Object.entries(offered ?? {}).map(([name, { description, parameters }]) => ({
    name,
    description: description ?? '',
    inputSchema: { ...(parameters ?? { type: 'object', properties: {} }) },
  }));
  return tools.length === 0 ? undefined : { tools };
}

/** The texts of a chat as what was said. Throws `invalid_request` where the newest message holds a file. */
export function readMessages(messages: readonly UiMessage[]): ConversationMessage[] {
  const newest = messages.length - 1;
  return messages.map(({ role, parts }, index) => {
    const file = parts.findIndex(({ type }) => type === 'file');
    if (index === newest && file !== -1)
      throw invalidField(`messages.${index}.parts.${file}.type`, 'a file cannot be read yet; send text');
    const text = parts.map((part) => (part.type === 'text' ? (part.text ?? '') : '')).join('');
    return role === 'assistant' ? { role, text, toolCalls: [] } : { role, text };
  });
}
