import type { McpServer } from '@reeve/contract';
import type { StatusName } from '../../ui/status.tsx';

/** How a server stands: switched off, out of reach, not asked for a while, or in use. */
export function stateOf({ enabled, breaker, last_error: error, listed_at: listed }: McpServer): {
  readonly status: StatusName;
  readonly text: string;
} {
  if (!enabled) return { status: 'cancelled', text: 'Off' };
  if (breaker === 'open') return { status: 'circuit_open', text: 'Circuit open' };
  if (error !== null) return { status: 'error', text: 'Not reached' };
  if (breaker === 'half_open') return { status: 'degraded', text: 'Being tried again' };
  return listed === null ? { status: 'pending', text: 'Not read yet' } : { status: 'ok', text: 'On' };
}

/** A server's program and what it is started with, in one line. */
export function commandOf({ command, args }: Pick<McpServer, 'command' | 'args'>): string {
  return [command, ...args].map((word) => (word !== null && /^[\w./:@=-]+$/.test(word) ? word : `'${word}'`)).join(' ');
}
