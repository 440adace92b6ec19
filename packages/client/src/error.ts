import type { ErrorDetail, RoleRefusal } from '@reeve/contract';

interface ClientErrorFields {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly details?: readonly ErrorDetail[];
  readonly access?: RoleRefusal;
  readonly requestId?: string;
  readonly traceId?: string;
  readonly runId?: string;
}

/** Any answer that is not a success. `status` is 0 and `code` is `unreachable` where no answer came at all. */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly status: number;
  /** The stable reason of the contract; switch on this. */
  readonly code: string;
  readonly details: readonly ErrorDetail[];
  /** The role that the call needs and the caller's, where the latter is too weak. */
  readonly access: RoleRefusal | undefined;
  readonly requestId: string | undefined;
  readonly traceId: string | undefined;
  /** The run that goes on, where a wait for it timed out. */
  readonly runId: string | undefined;

  constructor(fields: ClientErrorFields, cause?: unknown) {
    super(fields.message, cause === undefined ? undefined : { cause });
    this.status = fields.status;
    this.code = fields.code;
    this.details = fields.details ?? [];
    this.access = fields.access;
    this.requestId = fields.requestId;
    this.traceId = fields.traceId;
    this.runId = fields.runId;
  }
}
