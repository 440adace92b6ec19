import { routes, type ResponseEvent, type ResponseObject, type Run } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import { EventStream, Reply, requesterOf, type App, type Call } from '@reeve/http';
import { invalidField, newId, ReeveError, storable } from '@reeve/kit';
import { cancelRun, readCallerCallId, refuseUnpaid, type StartedRun } from '@reeve/runs';
import { sessionNameOf, startAgentRun } from './agent-run.ts';
import { answerRun, callerToolsOf, runsCalledIn } from './caller-results.ts';
import { openModelCall } from './model-call.ts';
import { agentOf, runHeaders, WAIT_MS, type ProtocolParts } from './protocol.ts';
import { baseOfModel, readResponseId, type ResponsePayload, type ResponseRef } from './response-base.ts';
import { eventsOfModel } from './response-events.ts';
import { modelRequestOf, readMessages, toolsOf } from './response-request.ts';
import { readRun, requireRun, responseOfRun, responseStream } from './response-run.ts';
import { insertResponse, selectConversation, selectResponse } from './response-store.ts';
import { toAgentInput, type ConversationMessage } from './message-mapping.ts';
import { turnOf } from './turn.ts';

type Create = Call<typeof routes.createResponse>;

/** How long a cancel waits for the run to have stopped, in milliseconds. */
const CANCEL_WAIT_MS = 5_000;

/** Mounts Open Responses: of an agent a response is a run, of a plain model an answer that is kept. */
export function mountResponses(app: App, parts: ProtocolParts): void {
  const { database, handler } = parts;
  app.mount(routes.createResponse, async (call) => {
    if (call.body.conversation != null)
      throw invalidField('conversation', 'is not supported; go on with previous_response_id');
    const agent = agentOf(call.body.model);
    return agent === undefined ? askModel(parts, call) : askAgent(parts, call, agent);
  });

  app.mount(routes.getResponse, async ({ principal: { tenantId }, params, query }) => {
    const { id, after } = knownRef(params.id);
    const run = await readRun(parts, tenantId, id);
    if (run !== undefined) {
      if (query.stream === 'true') return responseStream(parts, tenantId, { id, after }, query.starting_after ?? -1);
      return responseOfRun(parts, tenantId, run, after);
    }
    const stored = await inTenant(database.db, tenantId, (tx) => selectResponse(tx, tenantId, id));
    if (stored === undefined) throw noResponse(params.id);
    if (query.stream === 'true')
      throw invalidField('stream', 'only the responses of agents can be streamed again; read this one without');
    return stored;
  });

  app.mount(routes.cancelResponse, async (call) => {
    const { tenantId } = call.principal;
    const { id, after } = knownRef(call.params.id);
    if ((await readRun(parts, tenantId, id)) === undefined) {
      const stored = await inTenant(database.db, tenantId, (tx) => selectResponse(tx, tenantId, id));
      if (stored === undefined) throw noResponse(call.params.id);
      return stored;
    }
    await cancelRun(database, handler, requesterOf(call), id).catch((error: unknown) => {
      // The run has already ended, so nothing is left to cancel.
      if (ReeveError.from(error).reason !== 'conflict') throw error;
    });
    const waiting = AbortSignal.any([call.signal, AbortSignal.timeout(CANCEL_WAIT_MS)]);
    for await (const _ of parts.feed.follow(tenantId, id, 0, waiting));
    return responseOfRun(parts, tenantId, await requireRun(parts, tenantId, id), after);
  });
}

async function askAgent(parts: ProtocolParts, call: Create, agent: string): Promise<Reply | EventStream> {
  const { body, principal, signal } = call;
  const { tenantId } = principal;
  const isKnown = (callId: string) => readCallerCallId(callId) !== undefined;
  const said = readMessages(body.input, [], isKnown);
  const previous =
    body.previous_response_id == null ? undefined : await requirePrevious(parts, tenantId, body.previous_response_id);
  const answered = await answerRun(parts, call, said, previous?.id);
  const started = answered ?? (await startRunOf(parts, call, agent, said, previous?.session_id));
  const { runId } = started;
  const after = answered?.after ?? 0;
  const headers = runHeaders(started);
  if (body.stream) return responseStream(parts, tenantId, { id: runId, after }, -1, headers);
  if (!body.background) {
    const waiting = AbortSignal.any([signal, AbortSignal.timeout(body.timeout_ms ?? WAIT_MS)]);
    for await (const event of turnOf(parts.feed.follow(tenantId, runId, 0, waiting), after))
      if (event.type !== 'calls') refuseUnpaid(event);
  }
  const response = await responseOfRun(parts, tenantId, await requireRun(parts, tenantId, runId), after);
  if (!body.background && response.completed_at === null)
    throw new ReeveError('timeout', `the run goes on; read it at /v1/responses/${response.id}`, { runId });
  return new Reply(200, response, undefined, headers);
}

function startRunOf(
  parts: ProtocolParts,
  call: Create,
  agent: string,
  said: readonly ConversationMessage[],
  session: string | undefined,
): Promise<StartedRun> {
  const { body, header } = call;
  const { metadata, instructions, previous_response_id, background } = body;
  const payload: ResponsePayload = { metadata, instructions, previous_response_id, background };
  return startAgentRun(parts, call, {
    source: 'responses',
    agent,
    agentField: 'model',
    ...toAgentInput(said, 'input'),
    instructions,
    session: session ?? sessionNameOf(body, header),
    payload,
    multitask: body.multitask,
    callerTools: callerToolsOf(toolsOf(body), body.tool_choice),
    toolPath: (index) => `tools.${index}.name`,
    called: runsCalledIn(said),
  });
}

/** The run that a response belongs to. Throws `not_found`, and `invalid_request` for an answer of a plain model. */
async function requirePrevious(parts: ProtocolParts, tenantId: string, responseId: string): Promise<Run> {
  const id = readResponseId(responseId)?.id;
  const run = id && (await readRun(parts, tenantId, id));
  if (run) return run;
  const stored = id && (await inTenant(parts.database.db, tenantId, (tx) => selectResponse(tx, tenantId, id)));
  if (stored)
    throw invalidField('previous_response_id', 'is an answer of a plain model; an agent cannot go on with it');
  throw noPrevious(responseId);
}

async function askModel(parts: ProtocolParts, call: Create): Promise<ResponseObject | EventStream> {
  const { body, principal } = call;
  if (body.background)
    throw invalidField('background', 'only an agent works in the background; name one, as in agent/assistant');
  const { db } = parts.database;
  const previousId = body.previous_response_id == null ? null : (readResponseId(body.previous_response_id)?.id ?? null);
  const before =
    body.previous_response_id == null ? [] : await conversation(parts, principal.tenantId, body.previous_response_id);
  const input = readMessages(body.input, before);
  const request = modelRequestOf(body, before, input);
  const id = newId();
  const base = baseOfModel(id, body.model ?? parts.models.describe(null).id, body);
  const opened = await openModelCall(parts, call, (left, ledger) =>
    parts.models.stream(request, left, ledger, { tenantId: call.principal.tenantId, rank: 'caller' }),
  );
  const keep = async (output: readonly ConversationMessage[], ended: ResponseEvent) => {
    if (body.store === false) return;
    const answer = storable(ended['response']) as ResponseObject;
    const turn = { id, previousId, input, output: storable(output) as ConversationMessage[], answer };
    await inTenant(db, principal.tenantId, (tx) => insertResponse(tx, principal.tenantId, turn));
  };
  const events = (signal: AbortSignal) => eventsOfModel(base, opened.parts(signal), keep, parts.log);
  if (body.stream) return new EventStream((signal) => named(events(signal)));
  let last: ResponseEvent | undefined;
  for await (const event of events(call.signal)) last = event;
  return last!['response'] as ResponseObject;
}

/** What was said up to a model’s answer. Throws `not_found`, and `invalid_request` for a response of an agent. */
async function conversation(
  parts: ProtocolParts,
  tenantId: string,
  responseId: string,
): Promise<ConversationMessage[]> {
  const id = readResponseId(responseId)?.id;
  const said = id && (await inTenant(parts.database.db, tenantId, (tx) => selectConversation(tx, tenantId, id)));
  if (said) return said;
  if (id && (await readRun(parts, tenantId, id)) !== undefined)
    throw invalidField('previous_response_id', 'is a response of an agent; go on with that agent as the model');
  throw noPrevious(responseId);
}

async function* named(events: AsyncIterable<ResponseEvent>) {
  for await (const event of events) yield { name: event.type, data: event };
}

function knownRef(responseId: string): ResponseRef {
  const ref = readResponseId(responseId);
  if (ref === undefined) throw noResponse(responseId);
  return ref;
}

function noResponse(id: string): ReeveError {
  return new ReeveError('not_found', `there is no response ${id}`);
}

function noPrevious(id: string): ReeveError {
  return new ReeveError('not_found', `there is no response ${id}, or it is not kept any more`, {
    details: [{ path: 'previous_response_id', message: 'is not a response that is kept' }],
  });
}
