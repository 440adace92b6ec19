/** The caller who asks for a change, and the trace that it belongs to. */
export interface Requester {
  readonly tenantId: string;
  readonly userId: string;
  readonly traceId: string;
}
