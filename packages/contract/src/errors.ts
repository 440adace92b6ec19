import { z } from 'zod';
import { ROLES } from './role.ts';

/** The closed set of gRPC codes that Reeve uses, in snake_case. */
export type ErrorCode =
  | 'invalid_argument'
  | 'unauthenticated'
  | 'permission_denied'
  | 'not_found'
  | 'already_exists'
  | 'failed_precondition'
  | 'resource_exhausted'
  | 'unimplemented'
  | 'internal'
  | 'unavailable'
  | 'deadline_exceeded'
  | 'aborted';

/**
 * Every reason an error can carry, with its HTTP status and gRPC code. The reason is what travels as
 * `code` in an error body and what callers switch on; it is never renamed.
 */
export const REASONS = {
  invalid_request: { status: 400, code: 'invalid_argument' },
  unknown_agent: { status: 400, code: 'invalid_argument' },
  unknown_task_type: { status: 400, code: 'invalid_argument' },
  unauthenticated: { status: 401, code: 'unauthenticated' },
  budget_exhausted: { status: 402, code: 'resource_exhausted' },
  forbidden: { status: 403, code: 'permission_denied' },
  policy_denied: { status: 403, code: 'permission_denied' },
  not_found: { status: 404, code: 'not_found' },
  unknown_tool: { status: 404, code: 'not_found' },
  method_not_allowed: { status: 405, code: 'unimplemented' },
  conflict: { status: 409, code: 'failed_precondition' },
  rejected: { status: 409, code: 'failed_precondition' },
  lease_lost: { status: 409, code: 'aborted' },
  context_too_long: { status: 400, code: 'invalid_argument' },
  context_truncated: { status: 502, code: 'failed_precondition' },
  content_refused: { status: 400, code: 'failed_precondition' },
  limit_reached: { status: 409, code: 'failed_precondition' },
  cancelled: { status: 409, code: 'aborted' },
  payload_too_large: { status: 413, code: 'invalid_argument' },
  unsupported_media_type: { status: 415, code: 'invalid_argument' },
  rate_limited: { status: 429, code: 'resource_exhausted' },
  internal: { status: 500, code: 'internal' },
  upstream_error: { status: 502, code: 'unavailable' },
  provider_key_refused: { status: 502, code: 'failed_precondition' },
  malformed_answer: { status: 502, code: 'unavailable' },
  provider_overloaded: { status: 503, code: 'unavailable' },
  circuit_open: { status: 503, code: 'unavailable' },
  unavailable: { status: 503, code: 'unavailable' },
  pool_exhausted: { status: 503, code: 'resource_exhausted' },
  shutting_down: { status: 503, code: 'unavailable' },
  timeout: { status: 504, code: 'deadline_exceeded' },
} as const satisfies Record<string, { status: number; code: ErrorCode }>;

export type Reason = keyof typeof REASONS;

/** Whether a word from outside is a reason of an error. */
export function isReason(word: string): word is Reason {
  return Object.hasOwn(REASONS, word);
}

/** One field's fault: where it is and what was wrong with it. */
export const ErrorDetail = z.object({ path: z.string(), message: z.string() });
export type ErrorDetail = z.infer<typeof ErrorDetail>;

/** The role that a refused call needs, and the one that its caller has. */
export const RoleRefusal = z.object({ required_role: z.enum(ROLES), role: z.enum(ROLES) });
export type RoleRefusal = z.infer<typeof RoleRefusal>;

/** The body of every error answer. */
export const ErrorBody = z
  .object({
    error: z.string().describe('What was wrong, where, and what would be right.'),
    code: z.string().describe('Stable reason; switch on this.'),
    request_id: z.string(),
    trace_id: z.string(),
    duration_ms: z.number(),
    service: z.string(),
    details: z.array(ErrorDetail).optional(),
    access: RoleRefusal.optional().describe('Present where the role of the caller is too weak.'),
    run_id: z.string().optional().describe('The run that goes on, where a wait for it timed out.'),
  })
  .meta({ id: 'Error' });
export type ErrorBody = z.infer<typeof ErrorBody>;
