import { REASONS, type ErrorCode, type ErrorDetail, type Reason, type RoleRefusal } from '@reeve/contract';

export interface ReeveErrorOptions {
  readonly cause?: unknown;
  /** Each wrong field, where there are several. */
  readonly details?: readonly ErrorDetail[];
  /** The role that the call needs and the one that its caller has, where that is why it is refused. */
  readonly access?: RoleRefusal;
  /** When trying again may help. */
  readonly retryAfterMs?: number;
  /** The run that goes on although this call gave up waiting for it. */
  readonly runId?: string;
  /** True where it is not known whether what was asked for has been done: the same must not be tried again by itself. */
  readonly unsure?: boolean;
  /** True where an answer had begun and broke off: what came of it is void. */
  readonly brokeOff?: boolean;
}

/**
 * The only error that Reeve throws on purpose. `reason` is what callers switch on and decides the HTTP
 * status and the gRPC code (the table is `REASONS` in the contract). The message is shown to the caller, except
 * for `internal`, whose message stays in the log.
 */
export class ReeveError extends Error {
  override readonly name = 'ReeveError';
  readonly reason: Reason;
  readonly code: ErrorCode;
  readonly status: number;
  readonly details: readonly ErrorDetail[];
  readonly access: RoleRefusal | undefined;
  readonly retryAfterMs: number | undefined;
  readonly runId: string | undefined;
  readonly unsure: boolean;
  readonly brokeOff: boolean;

  constructor(reason: Reason, message: string, options: ReeveErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
    this.code = REASONS[reason].code;
    this.status = REASONS[reason].status;
    this.details = options.details ?? [];
    this.access = options.access;
    this.retryAfterMs = options.retryAfterMs;
    this.runId = options.runId;
    this.unsure = options.unsure ?? false;
    this.brokeOff = options.brokeOff ?? false;
  }

  /** Anything thrown as a ReeveError; what is not one already becomes `internal`. For edges only. */
  static from(thrown: unknown): ReeveError {
    if (thrown instanceof ReeveError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new ReeveError('internal', message, { cause: thrown });
  }
}

/** A field and what is wrong with it, as a sentence: `title is required`, `body: give at least one field to change`. */
export function fieldMessage({ path, message }: ErrorDetail): string {
  return PREDICATE.test(message) ? `${path} ${message}` : `${path}: ${message}`;
}

const PREDICATE = /^(?:is|must|may|can|cannot|has|holds|names|needs|does)\b/;

/** The error for one wrong field of a request. The path names the field, as in `tasks.0.title`. */
export function invalidField(path: string, message: string): ReeveError {
  return new ReeveError('invalid_request', `${path}: ${message}`, { details: [{ path, message }] });
}

/** True where trying the same thing again may succeed by itself. */
export function isRetryable(error: ReeveError): boolean {
  return error.code === 'unavailable' || error.code === 'internal' || error.reason === 'timeout';
}
