import { createHash } from 'node:crypto';
import { findAgent } from '@reeve/agents';
import type { Multitask } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import { requesterOf } from '@reeve/http';
import { newId, ReeveError } from '@reeve/kit';
import { appendMessages, ensureSession, type NewMessage } from '@reeve/memory';
import {
  checkCallerTools,
  refuseWhileCallerIsAsked,
  startRun,
  subjectOf,
  type CallerTools,
  type StartedRun,
} from '@reeve/runs';
import { storeFiles } from '../attachments.ts';
import type { AgentInput, SaidBefore } from './message-mapping.ts';
import type { Caller, ProtocolParts } from './protocol.ts';
import type { SentFile } from './sent-files.ts';

/** A request of another protocol for a run of an agent. What was said earlier is for a new session only; an existing one already has it. */
export interface AgentRunRequest extends AgentInput {
  /** The protocol: also the type of the run’s task. */
  readonly source: string;
  /** Id or slug. */
  readonly agent: string;
  /** Which field named the agent, for errors. */
  readonly agentField: string;
  /** ConversationMessage right before the input, whether the session is new or not. */
  readonly instructions?: string | null | undefined;
  /** The name of the conversation; without one it is a new session. */
  readonly session: string | undefined;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly multitask: Multitask | undefined;
  /** Tools that the caller offers beside the agent’s. */
  readonly callerTools?: CallerTools | undefined;
  /** Where the name of the tool of an index is in the request, for errors. */
  readonly toolPath?: (index: number) => string;
  /** Runs whose calls of the caller’s tools the conversation holds. */
  readonly called?: readonly string[];
}

/**
 * Starts a run for a protocol. Throws `not_found` for an agent that does not exist and for another user’s session, `invalid_request` for
 * tools that the agent cannot be offered, and `conflict` where a run of the conversation waits for results of such tools.
 */
export async function startAgentRun(
  parts: ProtocolParts,
  caller: Caller & { readonly signal: AbortSignal },
  asked: AgentRunRequest,
): Promise<StartedRun> {
  const requester = requesterOf(caller);
  const { tenantId } = requester;
  const { source, input, payload, multitask, callerTools, toolPath = (index) => `tools.${index}` } = asked;
  const sessionId = asked.session === undefined ? newId() : sessionIdOf(tenantId, asked.session);
  const place = { workspaces: parts.workspaces, tenantId, sessionId };
  const { agent, attachments } = await inTenant(parts.database.db, tenantId, async (tx) => {
    const found = await findAgent(tx, tenantId, asked.agent);
    if (found === undefined) throw noAgent(asked);
    if (callerTools !== undefined)
      checkCallerTools(callerTools, [...found.tools, ...parts.skillsOf(found.skills).tools], toolPath);
    if (multitask === undefined) {
      await refuseWhileCallerIsAsked(tx, tenantId, { ids: asked.called ?? [] });
      if (asked.session !== undefined) await refuseWhileCallerIsAsked(tx, tenantId, { sessionId });
    }
    const store = (files: readonly SentFile[]) => storeFiles(tx, requester, place, files, caller.signal);
    const withFiles = async ({ message, files }: SaidBefore) => ({ ...message, attachments: await store(files) });
    const attachments = await store(asked.files);
    const said: NewMessage[] = asked.instructions ? [{ role: 'user', content: asked.instructions }] : [];
    if (said.length > 0 || asked.earlier.length > 0) {
      const title = subjectOf({ input, attachments });
      const session = await ensureSession(tx, { tenantId, sessionId, agentId: found.id, title });
      if (session.message_count === 0) for (const earlier of asked.earlier) said.push(await withFiles(earlier));
      await appendMessages(tx, tenantId, sessionId, said);
    }
    return { agent: found, attachments };
  });
  return startRun(parts, {
    requester,
    source,
    agent: agent.slug,
    input,
    attachments,
    payload,
    sessionId,
    ...(multitask !== undefined && { multitask }),
    ...(callerTools !== undefined && { callerTools }),
  });
}

/** The session with this ID, or one derived from tenant and name, so that names of tenants never collide. */
export function sessionIdOf(tenantId: string, name: string): string {
  if (UUID.test(name)) return name.toLowerCase();
  const bytes = createHash('sha256').update(`${tenantId}\n${name}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The header by which Open WebUI names the chat that a request belongs to, where it is told to forward it. */
export const CHAT_HEADER = 'x-openwebui-chat-id';

/** The conversation that a request names, wherever it does; the body goes before the header. */
export function sessionNameOf(
  { session_id, metadata }: { session_id?: string | null | undefined; metadata?: object | null | undefined },
  header: (name: string) => string | undefined,
): string | undefined {
  const inMetadata = (metadata as { session_id?: unknown } | null | undefined)?.session_id;
  const name = session_id ?? inMetadata ?? header('x-session-id') ?? header(CHAT_HEADER);
  if (name === undefined || name === null || name === '') return undefined;
  if (typeof name === 'string' && name.length <= 200) return name;
  const path = name === inMetadata ? 'metadata.session_id' : 'x-session-id';
  throw new ReeveError('invalid_request', `${path} must be a text of 1 to 200 characters`, {
    details: [{ path, message: 'must be a text of 1 to 200 characters' }],
  });
}

/** The failure of a request that names an agent that does not exist. */
export function noAgent({ agent, agentField }: Pick<AgentRunRequest, 'agent' | 'agentField'>): ReeveError {
  return new ReeveError('not_found', `there is no agent ${agent}`, {
    details: [{ path: agentField, message: 'is not an agent' }],
  });
}
