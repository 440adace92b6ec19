import { REASONS, type ErrorBody, type Failure } from '@reeve/contract';
import { isTransient } from '@reeve/db';
import { contextFromHeaders, ReeveError } from '@reeve/kit';

/** Whatever was thrown, as an error of the contract: a database that is out of reach for the moment is `unavailable`. */
export function failureOf(thrown: unknown): ReeveError {
  return isTransient(thrown)
    ? new ReeveError('unavailable', 'the database does not answer at the moment; try again', { cause: thrown })
    : ReeveError.from(thrown);
}

/** What a caller is told of an error: what went wrong inside never leaves. */
export function shownFailure(error: ReeveError): Pick<ErrorBody, 'error' | 'code' | 'details' | 'run_id'> {
  return {
    error:
      error.reason === 'internal' ? 'something went wrong inside; the log has it under this request id' : error.message,
    code: error.reason,
    ...(error.details.length > 0 && { details: [...error.details] }),
    ...(error.runId !== undefined && { run_id: error.runId }),
  };
}

/** The same of whatever was thrown, with the status that it has or would have had. */
export function failureTold(thrown: unknown): Failure {
  const error = failureOf(thrown);
  return { ...shownFailure(error), status: error.status };
}

/** Answers what is HTTP but no request that an application could be given, such as one with a malformed Host. */
export function malformedRequest(
  message: string,
  header: (name: string) => string | undefined = () => undefined,
): Response {
  const { requestId, traceId } = contextFromHeaders(header);
  const body: ErrorBody = {
    error: message,
    code: 'invalid_request',
    request_id: requestId,
    trace_id: traceId,
    duration_ms: 0,
    service: 'gateway',
  };
  return Response.json(body, {
    status: REASONS.invalid_request.status,
    headers: { 'x-request-id': requestId, 'x-trace-id': traceId },
  });
}
