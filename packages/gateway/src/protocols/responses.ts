import { routes, type ResponseEvent, type ResponseObject } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import { EventStream, Reply, requesterOf, type App, type Call } from '@reeve/http';
import { invalidField, newId, ReeveError, storable } from '@reeve/kit';
import { refuseUnpaid, cancelRun } from '@reeve/runs';
import { sessionNameOf, startAgentRun } from './agent-run.ts';
import { openModelCall } from './model-call.ts';
import { agentOf, runHeaders, WAIT_MS, type ProtocolParts } from './protocol.ts';
import { baseOfModel, idOfResponse, responseIdOf, type ResponsePayload } from './response-base.ts';
import { eventsOfModel } from './response-events.ts';
import { modelRequestOf, readMessages } from './response-request.ts';
import { readRun, requireRun, responseOfRun, responseStream } from './response-run.ts';
import { insertResponse, selectConversation, selectResponse } from './response-store.ts';
import { toAgentInput, type ConversationMessage } from './message-mapping.ts';

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

  app.mount(routes.getResponse, async ({ principal: { tenantId }, params, query, signal }) => {
    const id = knownId(params.id);
    const run = await readRun(parts, tenantId, id);
    if (run !== undefined) {
      if (query.stream === 'true') return responseStream(parts, tenantId, id, query.starting_after ?? -1);
      return responseOfRun(parts, tenantId, run, signal);
    }
    const stored = await inTenant(database.db, tenantId, (tx) => selectResponse(tx, tenantId, id));
    if (stored === undefined) throw noResponse(params.id);
    if (query.stream === 'true')
      throw invalidField('stream', 'only the responses of agents can be streamed again; read this one without');
    return stored;
  });

  app.mount(routes.cancelResponse, async (call) => {
    const { tenantId } = call.principal;
    const id = knownId(call.params.id);
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
    return responseOfRun(parts, tenantId, await requireRun(parts, tenantId, id), call.signal);
  });
}

async function askAgent(parts: ProtocolParts, call: Create, agent: string): Promise<Reply | EventStream> {
  const { body, principal, header } = call;
  const { tenantId } = principal;
  if (body.tools?.length) throw invalidField('tools', 'an agent has tools of its own; call a plain model to use yours');
  const previous =
    body.previous_response_id == null ? undefined : await sessionOf(parts, tenantId, body.previous_response_id);
  const { metadata, instructions, previous_response_id, background } = body;
  const payload: ResponsePayload = { metadata, instructions, previous_response_id, background };
  const started = await startAgentRun(parts, call, {
    source: 'responses',
    agent,
    agentField: 'model',
    ...toAgentInput(readMessages(body.input, []), 'input'),
    instructions,
    session: previous ?? sessionNameOf(body, header),
    payload,
    multitask: body.multitask,
  });
  const { runId } = started;
  const headers = runHeaders(started);
  if (body.stream) return responseStream(parts, tenantId, runId, -1, headers);
  const waiting = AbortSignal.any([call.signal, AbortSignal.timeout(body.timeout_ms ?? WAIT_MS)]);
  if (!body.background) for await (const event of parts.feed.follow(tenantId, runId, 0, waiting)) refuseUnpaid(event);
  const run = await requireRun(parts, tenantId, runId);
  if (!body.background && run.ended_at === null)
    throw new ReeveError('timeout', `the run goes on; read it at /v1/responses/${responseIdOf(runId)}`, {
      runId,
    });
  return new Reply(200, await responseOfRun(parts, tenantId, run, call.signal), undefined, headers);
}

/** The session that a response belongs to. Throws `not_found`, and `invalid_request` for an answer of a plain model. */
async function sessionOf(parts: ProtocolParts, tenantId: string, responseId: string): Promise<string> {
  const id = idOfResponse(responseId);
  const run = id && (await readRun(parts, tenantId, id));
  if (run) return run.session_id;
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
  const previousId = body.previous_response_id == null ? null : (idOfResponse(body.previous_response_id) ?? null);
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

/** The conversation up to a model’s answer. Throws `not_found`, and `invalid_request` for a response of an agent. */
async function conversation(
  parts: ProtocolParts,
  tenantId: string,
  responseId: string,
): Promise<ConversationMessage[]> {
  const id = idOfResponse(responseId);
  const said = id && (await inTenant(parts.database.db, tenantId, (tx) => selectConversation(tx, tenantId, id)));
  if (said) return said;
  if (id && (await readRun(parts, tenantId, id)) !== undefined)
    throw invalidField('previous_response_id', 'is a response of an agent; go on with that agent as the model');
  throw noPrevious(responseId);
}

async function* named(events: AsyncIterable<ResponseEvent>) {
  for await (const event of events) yield { name: event.type, data: event };
}

function knownId(responseId: string): string {
  const id = idOfResponse(responseId);
  if (id === undefined) throw noResponse(responseId);
  return id;
}

function noResponse(id: string): ReeveError {
  return new ReeveError('not_found', `there is no response ${id}`);
}

function noPrevious(id: string): ReeveError {
  return new ReeveError('not_found', `there is no response ${id}, or it is not kept any more`, {
    details: [{ path: 'previous_response_id', message: 'is not a response that is kept' }],
  });
}
