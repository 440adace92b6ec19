import type { Route } from '@reeve/contract';

/**
 * How much it matters that a request is answered while there are too many: `list`s are put off first, then what would `start`
 * or change something, then what would `follow` something that is there. What is `vital` is never put off: health and
 * documents, cancelling, decisions that work waits for, and taking a key away.
 */
export type Priority = 'list' | 'start' | 'follow' | 'vital';

/** The level of overload from which on requests of a priority are put off; from 1 to 3. */
export const SHED_AT: Readonly<Record<Priority, number>> = { list: 1, start: 2, follow: 3, vital: Infinity };

/** What is asked for, as the contract describes it. */
export type AskedRoute = Pick<Route, 'method' | 'path' | 'access'>;

/** The priority of a route. */
export function priorityOf({ method, path, access }: AskedRoute): Priority {
  if (access === 'public' || isVital(method, path)) return 'vital';
  if (method !== 'GET' || path === '/ws/v1/companion') return 'start';
  // Who decides must see what there is to decide.
  const isDecisions = path === '/api/v1/approvals' || path.endsWith('/pending-approval');
  return path.includes('{') || path.includes('/stream') || path.startsWith('/ws/') || isDecisions ? 'follow' : 'list';
}

function isVital(method: string, path: string): boolean {
  if (method === 'DELETE') return path === '/api/v1/keys/{id}';
  return method === 'POST' && (/\/(cancel|decision)$/.test(path) || path === '/api/v1/approvals/{id}');
}
