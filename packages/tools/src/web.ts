import type { Outgoing } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import type { ToolResult } from './tool.ts';

/** What tools ask the web through. */
export interface Web {
  /** To addresses that models and users name: behind the guard. */
  readonly outgoing: Outgoing;
  /** To addresses that the operator has configured, which may be private. */
  readonly configured: Outgoing;
  /** The search engine, where one is configured. */
  readonly search?: SearchEndpoint | undefined;
}

export interface SearchEndpoint {
  /** Address of a SearXNG server, or of another that answers in its form, with `{query}` where the query goes. */
  readonly url: string;
  readonly key?: string | undefined;
}

/**
 * What a call came to where a stranger's server failed or was late: nothing that the tool could help, so it does not count for its
 * breaker. Throws everything else on.
 */
export function failureOfServer(thrown: unknown): ToolResult {
  if (!(thrown instanceof ReeveError) || (thrown.reason !== 'upstream_error' && thrown.reason !== 'timeout'))
    throw thrown;
  return { status: thrown.reason === 'timeout' ? 'timeout' : 'error', result: { error: thrown.message } };
}
