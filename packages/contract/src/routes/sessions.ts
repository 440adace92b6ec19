import { z } from 'zod';
import { Id, IdParams, Time, TimeInput, listOf, paging, text } from '../common.ts';
import { defineRoute } from '../route.ts';
import { Attachment } from './workspaces.ts';

const tag = 'Memory';

export const MESSAGE_ROLES = ['user', 'assistant', 'tool-plan', 'tool-output', 'system'] as const;
export const Message = z
  .object({
    position: z.number().int(),
    role: z.enum(MESSAGE_ROLES),
    content: z.string(),
    name: z.string().nullable().describe('Who said it, where a conversation has more speakers than its two roles.'),
    attachments: z.array(Attachment).optional().describe('The files that came with it; left out where none did.'),
    run_id: Id.nullable(),
    created_at: Time,
  })
  .meta({ id: 'Message' });
export type Message = z.infer<typeof Message>;

export const Session = z
  .object({
    id: Id,
    tenant_id: z.string(),
    title: z.string(),
    agent_id: Id.nullable(),
    message_count: z.number().int(),
    created_at: Time,
    updated_at: Time,
  })
  .meta({ id: 'Session' });
export type Session = z.infer<typeof Session>;

export const getLatestMemory = defineRoute({
  method: 'GET',
  path: '/memory/latest',
  tag,
  access: 'viewer',
  summary: 'Messages of a session, oldest first; the newest 200',
  query: z.strictObject({ session_id: Id }),
  responses: { 200: z.object({ session_id: Id, messages: z.array(Message) }) },
});
/** A message as a caller stores it. Models are shown those of tools as calls where they are pairs as an export shows them, else as text. */
export const HistoryEntry = z.strictObject({
  role: z.enum(MESSAGE_ROLES),
  content: text(0, 200_000),
  name: text(1, 100).optional().describe('Who said it, where a conversation has more speakers than its two roles.'),
  at: TimeInput.optional().describe('When it was said, not in the future; unset: now.'),
});
export type HistoryEntry = z.infer<typeof HistoryEntry>;
export const storeMemory = defineRoute({
  method: 'POST',
  path: '/memory/store',
  tag,
  access: 'member',
  summary: 'Append messages to a session',
  body: z.strictObject({
    session_id: Id,
    history: z.array(HistoryEntry).max(1000),
    prompt: text(0, 200_000).optional(),
    llm_response: text(0, 200_000).optional(),
  }),
  responses: { 200: z.object({ session_id: Id, stored: z.number().int() }) },
});
export const importSession = defineRoute({
  method: 'POST',
  path: '/api/v1/sessions/import',
  tag,
  access: 'member',
  summary: 'Make a session of a conversation that was held elsewhere',
  body: z.strictObject({
    title: text(1, 200).optional().describe('Unset: the beginning of its first message.'),
    messages: z.array(HistoryEntry).min(1).max(10_000).describe('In the order in which they were said.'),
  }),
  responses: { 201: Session },
});
export const listSessions = defineRoute({
  method: 'GET',
  path: '/api/v1/sessions',
  tag,
  access: 'viewer',
  summary: 'Sessions, most recently used first',
  query: z.strictObject({ ...paging, q: text(1, 200).optional() }),
  responses: { 200: listOf('sessions', Session) },
});
export const getSession = defineRoute({
  method: 'GET',
  path: '/api/v1/sessions/{id}',
  tag,
  access: 'viewer',
  summary: 'One session with its newest messages',
  params: IdParams,
  query: z.strictObject({ ...paging }),
  responses: { 200: Session.extend({ messages: z.array(Message) }) },
});
export const renameSession = defineRoute({
  method: 'PATCH',
  path: '/api/v1/sessions/{id}',
  tag,
  access: 'member',
  summary: 'Rename a session',
  params: IdParams,
  body: z.strictObject({ title: text(1, 200) }),
  responses: { 200: Session },
});
export const deleteSession = defineRoute({
  method: 'DELETE',
  path: '/api/v1/sessions/{id}',
  tag,
  access: 'member',
  summary: 'Delete a session and its messages',
  params: IdParams,
  responses: { 204: null },
});
export const exportSession = defineRoute({
  method: 'GET',
  path: '/api/v1/sessions/{id}/export',
  tag,
  access: 'viewer',
  summary: 'A session with every message',
  params: IdParams,
  responses: { 200: Session.extend({ messages: z.array(Message) }) },
});
