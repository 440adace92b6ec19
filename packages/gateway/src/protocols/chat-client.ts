import type { ChatCompletionRequest, Multitask } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import { selectWaitingForCaller } from '@reeve/runs';
import { CHAT_HEADER, sessionIdOf } from './agent-run.ts';
import type { Caller, ProtocolParts } from './protocol.ts';

/**
 * True for a request that a chat client makes for itself beside the chat: for a title, tags, follow-ups, a search query. Open WebUI
 * sends nothing that says so but its prompt: a heading, an order about the chat, and the chat as text, all in one message.
 */
export function isChatChore({ messages, tools }: ChatCompletionRequest): boolean {
  const [asked, ...others] = messages.filter(({ role }) => role !== 'system' && role !== 'developer');
  if (asked?.role !== 'user' || others.length > 0 || (tools?.length ?? 0) > 0) return false;
  const text = typeof asked.content === 'string' ? asked.content : '';
  return text.startsWith('### Task:\n') && text.includes('<chat_history>');
}

/**
 * What becomes of a message where its chat is busy, if the request does not say. In a chat of Open WebUI a person who writes on has
 * given up an answer that waits for a tool, and cannot say so otherwise.
 */
export async function multitaskOfChat(
  { database }: Pick<ProtocolParts, 'database'>,
  { principal: { tenantId }, header }: Caller & { readonly header: (name: string) => string | undefined },
): Promise<Multitask | undefined> {
  const chat = header(CHAT_HEADER);
  if (chat === undefined || chat === '') return undefined;
  const sessionId = sessionIdOf(tenantId, chat);
  const waiting = await inTenant(database.db, tenantId, (tx) => selectWaitingForCaller(tx, tenantId, { sessionId }));
  return waiting.length > 0 ? 'interrupt' : undefined;
}
