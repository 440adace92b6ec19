import { routes, type Run } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import { EventStream, Reply, requesterOf, requireAccess, type App, type Call } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import { listRuns } from '@reeve/runs';
import { sessionIdOf, startAgentRun } from './agent-run.ts';
import { runHeaders, type ProtocolParts } from './protocol.ts';
import { toAgentInput } from './message-mapping.ts';
import { chunksOfRun } from './ui-chunks.ts';
import { answersIn, readMessages, type Answered } from './ui-request.ts';

const DEFAULT_AGENT = 'assistant';
/** How many runs may wait for their turn in a chat before the first of them is not found. */
const WAITING = 200;

/** Mounts the AI SDK’s UI message stream, the protocol of `useChat`. A chat is a session. */
export function mountUiChat(app: App, parts: ProtocolParts): void {
  app.mount(routes.uiChat, async (call) => {
    const answers = answersIn(call.body.messages);
    return answers.length > 0 ? goOn(parts, call, answers) : begin(parts, call);
  });

  app.mount(routes.resumeUiChat, async ({ principal: { tenantId }, params: { id } }) => {
    const run = await runInProgress(parts, tenantId, sessionIdOf(tenantId, id));
    return run === undefined ? new Reply(204, null) : uiStream(parts, tenantId, run.id, headersOf(run));
  });
}

/** The chunks of a run; after approvals that the reader has just decided, those that are new to it. */
export function uiStream(
  { database, feed }: Pick<ProtocolParts, 'database' | 'feed'>,
  tenantId: string,
  runId: string,
  headers: Readonly<Record<string, string>> = { 'x-run-id': runId },
  decided: readonly string[] = [],
): EventStream {
  const stillWaits = (ids: readonly string[]) =>
    inTenant(database.db, tenantId, async (tx) => {
      const waiting = tx.selectFrom('approvals').select('id').where('tenant_id', '=', tenantId);
      const found = waiting.where('id', 'in', [...ids]).where('status', '=', 'pending');
      return (await found.executeTakeFirst()) !== undefined;
    });
  const events = async function* (signal: AbortSignal) {
    const followed = feed.follow(tenantId, runId, 0, signal);
    for await (const data of chunksOfRun(runId, followed, { stillWaits, decided })) yield { data };
  };
  return new EventStream(events, `ui:${runId}`, { 'x-vercel-ai-ui-message-stream': 'v1', ...headers });
}

async function begin(parts: ProtocolParts, call: Call<typeof routes.uiChat>): Promise<EventStream> {
  const { id, messages, agent, multitask, metadata } = call.body;
  const started = await startAgentRun(parts, call, {
    source: 'ui_chat',
    agent: agent ?? DEFAULT_AGENT,
    agentField: 'agent',
    ...toAgentInput(readMessages(messages), 'messages'),
    session: id,
    payload: { chat: id, metadata: metadata ?? {} },
    multitask,
  });
  return uiStream(parts, call.principal.tenantId, started.runId, runHeaders(started));
}

/** Applies the client’s approval decisions, then follows the run that waited for them. */
async function goOn(
  parts: ProtocolParts,
  call: Call<typeof routes.uiChat>,
  answers: readonly Answered[],
): Promise<EventStream> {
  const { principal } = call;
  const { tenantId } = principal;
  requireAccess(principal, 'operator');
  const sessionId = sessionIdOf(tenantId, call.body.id);
  const run = (await runInProgress(parts, tenantId, sessionId)) ?? (await newestRun(parts, tenantId, sessionId));
  if (run === undefined) throw new ReeveError('not_found', `there is no chat ${call.body.id}`);
  for (const { approvalId, approved, reason } of answers) {
    await parts.decide(requesterOf(call), approvalId, approved, reason).catch((error: unknown) => {
      // Another decision came first; the run's events report it.
      if (ReeveError.from(error).reason !== 'conflict') throw error;
    });
  }
  const decided = answers.map(({ approvalId }) => approvalId);
  return uiStream(parts, tenantId, run.id, headersOf(run), decided);
}

/** The run of a session that has begun or is the next to begin. */
async function runInProgress(parts: ProtocolParts, tenantId: string, sessionId: string): Promise<Run | undefined> {
  return inTenant(parts.database.db, tenantId, async (tx) => {
    const running = await listRuns(tx, tenantId, { sessionId, status: 'running' }, { limit: 1, offset: 0 });
    if (running.runs[0] !== undefined) return running.runs[0];
    const { runs } = await listRuns(tx, tenantId, { sessionId, status: 'queued' }, { limit: WAITING, offset: 0 });
    return runs.find(({ waiting_for }) => waiting_for !== null) ?? runs.at(-1);
  });
}

async function newestRun(parts: ProtocolParts, tenantId: string, sessionId: string): Promise<Run | undefined> {
  const { runs } = await inTenant(parts.database.db, tenantId, (tx) =>
    listRuns(tx, tenantId, { sessionId }, { limit: 1, offset: 0 }),
  );
  return runs[0];
}

function headersOf({ id: runId, session_id: sessionId }: Run): Record<string, string> {
  return runHeaders({ runId, sessionId });
}
