import type { UiMessage } from '@reeve/contract';
import { failedOutcome, outcomeOf } from '@reeve/tools';
import type { CallerAnswer, CallerTools } from '@reeve/runs';
import type { ConversationMessage } from './message-mapping.ts';
import { sentFileOf } from './sent-files.ts';

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

/** What was said in a chat: texts and files. Throws `invalid_request` for a file that is not sent as a data: URL. */
export function readMessages(messages: readonly UiMessage[]): ConversationMessage[] {
  return messages.map(({ role, parts }, index) => {
    const said = parts.filter(({ type }) => type === 'text');
    const text = said.map((part) => part.text ?? '').join('');
    if (role === 'assistant') return { role, text, toolCalls: [] };
    if (role === 'system') return { role, text };
    const files = parts.flatMap((part, at) => {
      const file = part.type === 'file' ? sentFileOf(part, `messages.${index}.parts.${at}`) : undefined;
      return file === undefined || 'link' in file ? [] : [file];
    });
    return { role, text, ...(files.length > 0 && { files }) };
  });
}
