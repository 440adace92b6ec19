import { findAgent } from '@reeve/agents';
import { routes, type Agent, type ChatCompletionRequest } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import { EventStream, Reply, type App, type Call } from '@reeve/http';
import { newId } from '@reeve/kit';
import type { CallLedger } from '@reeve/ledger';
import type { ModelPart } from '@reeve/models';
import { followForCaller, type StartedRun } from '@reeve/runs';
import { noAgent, sessionNameOf, startAgentRun } from './agent-run.ts';
import { isChatChore, multitaskOfChat } from './chat-client.ts';
import { answerRun, callerToolsOf, runsCalledIn } from './caller-results.ts';
import { chunksOfModel, chunksOfRun, completionOfModel, completionOfRun } from './completion-chunks.ts';
import { chatCallOf, refuseUnknown, readMessages, toolsOf } from './completion-request.ts';
import { withErrorEvent, passErrorsAsEvents } from './stream-errors.ts';
import { openModelCall } from './model-call.ts';
import { agentOf, runHeaders, WAIT_MS, type ProtocolParts } from './protocol.ts';
import { isRelayed, relayedAnswer, relayedEvents } from './relayed.ts';
import { toAgentInput, type ConversationMessage } from './message-mapping.ts';

type Completion = Call<typeof routes.createChatCompletion>;

/** Mounts OpenAI’s Chat Completions, for agents and for plain models. */
export function mountCompletions(app: App, parts: ProtocolParts): void {
  app.mount(routes.createChatCompletion, async (call) => {
    refuseUnknown(call.body);
    const agent = agentOf(call.body.model);
    if (agent === undefined) return askModel(parts, call, call.body);
    return isChatChore(call.body) ? askModelOf(parts, call, agent) : askAgent(parts, call, agent);
  });
}

/** The chunks of a turn of a run, from its beginning. */
export function completionStream(
  { feed, log }: Pick<ProtocolParts, 'feed' | 'log'>,
  tenantId: string,
  runId: string,
  withUsage: boolean,
  after: number,
  headers: Readonly<Record<string, string>> = { 'x-run-id': runId },
): EventStream {
  const events = (signal: AbortSignal) =>
    withErrorEvent(chunksOfRun(runId, feed.follow(tenantId, runId, 0, signal), withUsage, after), log);
  return new EventStream(events, `completion:${runId}:${withUsage ? 'usage' : ''}:${after}`, headers);
}

async function askAgent(parts: ProtocolParts, call: Completion, agent: string): Promise<Reply | EventStream> {
  const { body, principal, signal } = call;
  const said = readMessages(body.messages);
  const answered = await answerRun(parts, call, said);
  const started = answered ?? (await startRunOf(parts, call, agent, said));
  const after = answered?.after ?? 0;
  const { tenantId } = principal;
  const { runId } = started;
  const headers = runHeaders(started);
  if (body.stream) return completionStream(parts, tenantId, runId, wantsUsage(body), after, headers);
  const waitMs = body.timeout_ms ?? WAIT_MS;
  const events = followForCaller(parts.feed, tenantId, runId, waitMs, signal, { known: after });
  return new Reply(200, await completionOfRun(runId, started.agent, events, after), undefined, headers);
}

async function startRunOf(
  parts: ProtocolParts,
  call: Completion,
  agent: string,
  said: readonly ConversationMessage[],
): Promise<StartedRun> {
  const { body, header } = call;
  const multitask = body.multitask ?? (await multitaskOfChat(parts, call));
  return startAgentRun(parts, call, {
    source: 'chat_completions',
    agent,
    agentField: 'model',
    ...toAgentInput(said, 'messages'),
    session: sessionNameOf(body, header),
    payload: { model: body.model, metadata: body.metadata ?? {} },
    multitask,
    callerTools: callerToolsOf(toolsOf(body), body.tool_choice),
    toolPath: (index) => `tools.${index}.function.name`,
    called: runsCalledIn(said),
  });
}

/** Asks the model of an agent, on the agent’s account: no run, and nothing of it in any session. */
async function askModelOf(parts: ProtocolParts, call: Completion, ref: string): Promise<Reply | EventStream> {
  const { tenantId } = call.principal;
  const agent = await inTenant(parts.database.db, tenantId, (tx) => findAgent(tx, tenantId, ref));
  if (agent === undefined) throw noAgent({ agent: ref, agentField: 'model' });
  return askModel(parts, call, { ...call.body, model: agent.model_id }, agent);
}

async function askModel(
  parts: ProtocolParts,
  call: Completion,
  body: ChatCompletionRequest,
  agent?: Pick<Agent, 'slug' | 'persona_id'>,
): Promise<Reply | EventStream> {
  const { sent, signal } = call;
  const head = {
    id: `chatcmpl-${newId().replaceAll('-', '')}`,
    created: Math.floor(Date.now() / 1000),
    model: body.model ?? parts.models.describe(null).id,
  };
  const chat = chatCallOf(body, sent);
  const { tenantId } = call.principal;
  const ask = (left: AbortSignal, ledger: CallLedger) =>
    parts.models.chat(chat, left, ledger, { tenantId, rank: 'caller' });
  const opened = await openModelCall(parts, call, ask, agent);
  if (isRelayed(opened.first)) {
    if (body.stream)
      return new EventStream((reader) =>
        passErrorsAsEvents(relayedEvents(head, opened.parts(reader), chat), parts.log),
      );
    return new Reply(200, await relayedAnswer(opened.parts(signal)));
  }
  const own = (reader: AbortSignal) => opened.parts(reader) as AsyncIterable<ModelPart>;
  if (body.stream)
    return new EventStream((reader) => withErrorEvent(chunksOfModel(head, own(reader), chat.withUsage), parts.log));
  return new Reply(200, await completionOfModel(head, own(signal)));
}

function wantsUsage({ stream_options: options }: ChatCompletionRequest): boolean {
  return options?.include_usage === true;
}
