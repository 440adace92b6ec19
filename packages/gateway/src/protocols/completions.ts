import { routes, type ChatCompletionRequest } from '@reeve/contract';
import { EventStream, Reply, type App, type Call } from '@reeve/http';
import { invalidField, newId } from '@reeve/kit';
import type { ModelPart } from '@reeve/models';
import { waitForRun } from '@reeve/runs';
import { sessionNameOf, startAgentRun } from './agent-run.ts';
import { chunksOfModel, chunksOfRun, completionOfModel, completionOfRun } from './completion-chunks.ts';
import { chatCallOf, refuseUnknown, readMessages } from './completion-request.ts';
import { withErrorEvent, passErrorsAsEvents } from './stream-errors.ts';
import { openModelCall } from './model-call.ts';
import { agentOf, runHeaders, WAIT_MS, type ProtocolParts } from './protocol.ts';
import { isRelayed, relayedAnswer, relayedEvents } from './relayed.ts';
import { toAgentInput } from './message-mapping.ts';

type Completion = Call<typeof routes.createChatCompletion>;

/** Mounts OpenAI’s Chat Completions, for agents and for plain models. */
export function mountCompletions(app: App, parts: ProtocolParts): void {
  app.mount(routes.createChatCompletion, async (call) => {
    refuseUnknown(call.body);
    const agent = agentOf(call.body.model);
    return agent === undefined ? askModel(parts, call) : askAgent(parts, call, agent);
  });
}

/** The chunks of a run, from its beginning. */
export function completionStream(
  { feed, log }: Pick<ProtocolParts, 'feed' | 'log'>,
  tenantId: string,
  runId: string,
  withUsage: boolean,
  headers: Readonly<Record<string, string>> = { 'x-run-id': runId },
): EventStream {
  const events = (signal: AbortSignal) =>
    withErrorEvent(chunksOfRun(runId, feed.follow(tenantId, runId, 0, signal), withUsage), log);
  return new EventStream(events, `completion:${runId}:${withUsage ? 'usage' : ''}`, headers);
}

async function askAgent(parts: ProtocolParts, call: Completion, agent: string): Promise<Reply | EventStream> {
  const { body, principal, signal, header } = call;
  if (body.tools?.length) throw invalidField('tools', 'an agent has tools of its own; call a plain model to use yours');
  const started = await startAgentRun(parts, call, {
    source: 'chat_completions',
    agent,
    agentField: 'model',
    ...toAgentInput(readMessages(body.messages), 'messages'),
    session: sessionNameOf(body, header),
    payload: { model: body.model, metadata: body.metadata ?? {} },
    multitask: body.multitask,
  });
  const { runId } = started;
  const headers = runHeaders(started);
  if (body.stream) return completionStream(parts, principal.tenantId, runId, wantsUsage(body), headers);
  const { result } = await waitForRun(parts.feed, principal.tenantId, runId, body.timeout_ms ?? WAIT_MS, signal);
  return new Reply(200, completionOfRun(runId, started.agent, result), undefined, headers);
}

async function askModel(parts: ProtocolParts, call: Completion): Promise<Reply | EventStream> {
  const { body, sent, signal } = call;
  const head = {
    id: `chatcmpl-${newId().replaceAll('-', '')}`,
    created: Math.floor(Date.now() / 1000),
    model: body.model ?? parts.models.describe(null).id,
  };
  const chat = chatCallOf(body, sent);
  const opened = await openModelCall(parts, call, (left, ledger) =>
    parts.models.chat(chat, left, ledger, { tenantId: call.principal.tenantId, rank: 'caller' }),
  );
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
