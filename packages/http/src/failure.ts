import { REASONS, type ErrorBody, type Failure, type Reason } from '@reeve/contract';
import { isTransient } from '@reeve/db';
import { contextFromHeaders, ReeveError } from '@reeve/kit';
import { SECURITY } from './security.ts';

/** Whatever was thrown, as an error of the contract: a database that is out of reach for the moment is `unavailable`. */
export function failureOf(thrown: unknown): ReeveError {
  return isTransient(thrown)
    ? new ReeveError('unavailable', 'the database does not answer at the moment; try again', { cause: thrown })
    : ReeveError.from(thrown);
}

/** What a caller is told of an error: what went wrong inside never leaves. */
export function shownFailure(error: ReeveError): Pick<ErrorBody, 'error' | 'code' | 'details' | 'access' | 'run_id'> {
  return {
    error:
      error.reason === 'internal' ? 'something went wrong inside; the log has it under this request id' : error.message,
    code: error.reason,
    ...(error.details.length > 0 && { details: [...error.details] }),
    ...(error.access !== undefined && { access: error.access }),
    ...(error.runId !== undefined && { run_id: error.runId }),
  };
}

/** The same of whatever was thrown, with the status that it has or would have had. */
export function failureTold(thrown: unknown): Failure {
  const error = failureOf(thrown);
  return { ...shownFailure(error), status: error.status };
}

/** The body and the headers of an answer to what is no request that an application could be given, such as one with a malformed Host. */
export function malformedAnswer(
  message: string,
  code: Reason = 'invalid_request',
  header: (name: string) => string | undefined = () => undefined,
): { readonly body: ErrorBody; readonly headers: Readonly<Record<string, string>> } {
  const { requestId, traceId } = contextFromHeaders(header);
  const body = { error: message, code, request_id: requestId, trace_id: traceId, duration_ms: 0, service: 'gateway' };
  return { body, headers: { ...SECURITY, 'x-request-id': requestId, 'x-trace-id': traceId } };
}

/** The same as a response of the web, with the status of a bad request. */
export function malformedRequest(message: string, header?: (name: string) => string | undefined): Response {
  const { body, headers } = malformedAnswer(message, 'invalid_request', header);
  return Response.json(body, { status: REASONS.invalid_request.status, headers });
}
