import type { UiMessage } from '@reeve/contract';
import { invalidField } from '@reeve/kit';
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

/** Maps the texts of a chat. Throws `invalid_request` if the newest message contains a file. */
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
