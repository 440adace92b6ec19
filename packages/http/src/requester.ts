import type { Call } from './app.ts';

/** Who asks for a change, in which tenant, trace and request: what operations are told of their caller. */
export function requesterOf({ principal, context }: Pick<Call<unknown>, 'principal' | 'context'>) {
  const { tenantId, userId } = principal;
  const { traceId, requestId } = context;
  return { tenantId, userId, traceId, requestId };
}
