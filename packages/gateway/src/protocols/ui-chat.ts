import { routes, type Run } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import { EventStream, Reply, requesterOf, requireAccess, type App, type Call } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import { answerCalls, listRuns, selectWaitingForCaller, type CallerAnswer } from '@reeve/runs';
import { sessionIdOf, startAgentRun } from './agent-run.ts';
import { runHeaders, type ProtocolParts } from './protocol.ts';
import { toAgentInput } from './message-mapping.ts';
import { chunksOfRun, type UiReading } from './ui-chunks.ts';
import { answersIn, callerToolsOf, resultsIn, readMessages, type Answered } from './ui-request.ts';

const DEFAULT_AGENT = 'assistant';
/** How many runs may wait for their turn in a chat before the first of them is not found. */
const WAITING = 200;

/** Mounts the AI SDK’s UI message stream, the protocol of `useChat`. A chat is a session. */
export function mountUiChat(app: App, parts: ProtocolParts): void {
  app.mount(routes.uiChat, async (call) => {
    const answers = answersIn(call.body.messages);
    const results = resultsIn(call.body.messages);
    return answers.length + results.length > 0 ? goOn(parts, call, answers, results) : begin(parts, call);
  });

  app.mount(routes.resumeUiChat, async ({ principal: { tenantId }, params: { id } }) => {
    const run = await runInProgress(parts, tenantId, sessionIdOf(tenantId, id));
    if (run === undefined) return new Reply(204, null);
    const stillAsked = () =>
      inTenant(
        parts.database.db,
        tenantId,
        async (tx) => (await selectWaitingForCaller(tx, tenantId, { ids: [run.id] })).length > 0,
      );
    return uiStream(parts, tenantId, run.id, { headers: headersOf(run), stillAsked });
  });
}

/** How the stream of a run is opened. */
type UiOpening = Omit<UiReading, 'stillWaits'> & { readonly headers?: Readonly<Record<string, string>> };

/** The chunks of a run; after approvals and outputs that the reader has just given, those that are new to it. */
export function uiStream(
  { database, feed }: Pick<ProtocolParts, 'database' | 'feed'>,
  tenantId: string,
  runId: string,
  { headers = { 'x-run-id': runId }, ...reading }: UiOpening = {},
): EventStream {
  const stillWaits = (ids: readonly string[]) =>
    inTenant(database.db, tenantId, async (tx) => {
      const waiting = tx.selectFrom('approvals').select('id').where('tenant_id', '=', tenantId);
      const found = waiting.where('id', 'in', [...ids]).where('status', '=', 'pending');
      return (await found.executeTakeFirst()) !== undefined;
    });
  const events = async function* (signal: AbortSignal) {
    const followed = feed.follow(tenantId, runId, 0, signal);
    for await (const data of chunksOfRun(runId, followed, { stillWaits, ...reading })) yield { data };
  };
  const source = `ui:${runId}:${reading.after ?? 0}`;
  return new EventStream(events, source, { 'x-vercel-ai-ui-message-stream': 'v1', ...headers });
}

async function begin(parts: ProtocolParts, call: Call<typeof routes.uiChat>): Promise<EventStream> {
  const { id, messages, agent, multitask, metadata, tools } = call.body;
  const started = await startAgentRun(parts, call, {
    source: 'ui_chat',
    agent: agent ?? DEFAULT_AGENT,
    agentField: 'agent',
    ...toAgentInput(readMessages(messages), 'messages'),
    session: id,
    payload: { chat: id, metadata: metadata ?? {} },
    multitask,
    callerTools: callerToolsOf(tools),
    toolPath: (index) => `tools.${Object.keys(tools ?? {})[index]}`,
  });
  return uiStream(parts, call.principal.tenantId, started.runId, { headers: runHeaders(started) });
}

/** Decides what the client answered, gives the run the outputs of the client’s tools, and follows the run that waited for them. */
async function goOn(
  parts: ProtocolParts,
  call: Call<typeof routes.uiChat>,
  answers: readonly Answered[],
  results: readonly CallerAnswer[],
): Promise<EventStream> {
  const { principal } = call;
  const { tenantId } = principal;
  if (answers.length > 0) requireAccess(principal, 'operator');
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
  if (results.length === 0) return uiStream(parts, tenantId, run.id, { headers: headersOf(run), decided });
  const answered = await answerCalls(parts, requesterOf(call), results);
  return uiStream(parts, tenantId, answered.runId, { headers: runHeaders(answered), after: answered.after });
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
