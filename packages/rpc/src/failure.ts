import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { isReason, type ErrorCode, type Reason } from '@reeve/contract';
import { FailureSchema } from '@reeve/contract/proto/reeve/v1/failure';
import { failureOf } from '@reeve/http';
import { ReeveError, type RequestContext } from '@reeve/kit';

const CODES: Readonly<Record<ErrorCode, Code>> = {
  invalid_argument: Code.InvalidArgument,
  unauthenticated: Code.Unauthenticated,
  permission_denied: Code.PermissionDenied,
  not_found: Code.NotFound,
  already_exists: Code.AlreadyExists,
  failed_precondition: Code.FailedPrecondition,
  resource_exhausted: Code.ResourceExhausted,
  unimplemented: Code.Unimplemented,
  internal: Code.Internal,
  unavailable: Code.Unavailable,
  deadline_exceeded: Code.DeadlineExceeded,
  aborted: Code.Aborted,
};

/** What a code means where no reason came along. */
const REASON_OF: Readonly<Record<Code, Reason>> = {
  [Code.Canceled]: 'cancelled',
  [Code.Unknown]: 'internal',
  [Code.InvalidArgument]: 'invalid_request',
  [Code.DeadlineExceeded]: 'timeout',
  [Code.NotFound]: 'not_found',
  [Code.AlreadyExists]: 'conflict',
  [Code.PermissionDenied]: 'forbidden',
  [Code.ResourceExhausted]: 'rate_limited',
  [Code.FailedPrecondition]: 'conflict',
  [Code.Aborted]: 'conflict',
  [Code.OutOfRange]: 'invalid_request',
  [Code.Unimplemented]: 'method_not_allowed',
  [Code.Internal]: 'internal',
  [Code.Unavailable]: 'unavailable',
  [Code.DataLoss]: 'internal',
  [Code.Unauthenticated]: 'unauthenticated',
};

/**
 * Whatever was thrown, as a caller is told of it: with the reason and the ids of the request as a detail, and without what went
 * wrong inside. A ConnectError, such as a deadline's, keeps its code.
 */
export function toConnectError(thrown: unknown, { requestId, traceId }: RequestContext): ConnectError {
  const isConnect = thrown instanceof ConnectError;
  const error = isConnect
    ? new ReeveError(REASON_OF[thrown.code], thrown.rawMessage, { cause: thrown })
    : failureOf(thrown);
  const shown =
    error.reason === 'internal' ? 'something went wrong inside; the log has it under this request id' : error.message;
  const detail = create(FailureSchema, {
    reason: error.reason,
    requestId,
    traceId,
    faults: error.details.map(({ path, message }) => ({ path, message })),
    retryAfterMs: BigInt(Math.ceil(error.retryAfterMs ?? 0)),
  });
  const code = isConnect ? thrown.code : error.reason === 'cancelled' ? Code.Canceled : CODES[error.code];
  return new ConnectError(
    shown,
    code,
    isConnect ? thrown.metadata : undefined,
    [{ desc: FailureSchema, value: detail }],
    thrown,
  );
}

/**
 * What a call of a service failed with. It is `unsure` where the answer did not come from the service itself, or the service was
 * stopped meanwhile: then nobody knows whether it did what it was asked. `signal` is the one that the call was given.
 */
export function fromConnectError(thrown: unknown, signal?: AbortSignal): ReeveError {
  // What an interceptor of ours threw comes wrapped.
  const inner = thrown instanceof Error && thrown.cause instanceof ReeveError ? thrown.cause : thrown;
  if (inner instanceof ReeveError) return inner;
  const error = ConnectError.from(inner);
  const [told] = error.findDetails(FailureSchema);
  // A connection that is gone ends its calls as if they had been cancelled.
  const isLost = error.code === Code.Canceled && signal?.aborted !== true;
  const known = told !== undefined && isReason(told.reason) ? told.reason : REASON_OF[error.code];
  const reason = isLost ? 'unavailable' : known;
  return new ReeveError(reason, error.rawMessage, {
    cause: thrown,
    details: told?.faults.map(({ path, message }) => ({ path, message })) ?? [],
    unsure: told === undefined || reason === 'shutting_down' || isLost,
    ...(told !== undefined && told.retryAfterMs > 0n && { retryAfterMs: Number(told.retryAfterMs) }),
  });
}
