export { Reply } from './answer.ts';
export { createApp } from './app.ts';
export type { App, AppOptions, Call, Handler, SocketHandler } from './app.ts';
export { BODY_LIMIT, parseJson } from './body.ts';
export { ByteStream } from './bytes.ts';
export { httpSettings } from './config.ts';
export { failureOf, failureTold } from './failure.ts';
export type { FormFile } from './form.ts';
export type { Limit, Limited, OnRefused, Refused } from './limit.ts';
export { openApiOf } from './openapi.ts';
export { createOutgoing } from './outgoing.ts';
export type {
  Outgoing,
  OutgoingAnswer,
  OutgoingOptions,
  OutgoingRequest,
  OutgoingStream,
  Resolve,
} from './outgoing.ts';
export { requireAccess } from './principal.ts';
export type { Authenticate, Principal } from './principal.ts';
export { referencePage, REFERENCE_POLICY } from './reference.ts';
export { requesterOf } from './requester.ts';
export { startHttpServer } from './server.ts';
export type { HttpServer } from './server.ts';
export { errorFrame } from './socket.ts';
export type { Connection, Served } from './socket.ts';
export { EventStream, lastEventId } from './sse.ts';
export type { ServerEvent } from './sse.ts';
export { validate } from './validate.ts';
