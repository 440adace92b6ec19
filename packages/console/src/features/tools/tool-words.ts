import type { McpTool, ToolInfo } from '@reeve/contract';
import type { StatusName } from '../../ui/status.tsx';

/** What a tool's effect means for a call that a crash cut off. */
export const EFFECT_WORDS: Readonly<Record<McpTool['effect'], string>> = {
  none: 'It changes nothing: a call that was cut off is made again.',
  idempotent: 'The same call again does no harm: one that was cut off is made again.',
  external: 'It acts outside: about a call that was cut off a person is asked.',
};

/** How a tool's use stands. */
export function stateOf({ available, breaker }: Pick<ToolInfo, 'available' | 'breaker'>): {
  readonly status: StatusName;
  readonly text: string;
} {
  if (!available) return { status: 'unavailable', text: 'Not available' };
  if (breaker === 'open') return { status: 'circuit_open', text: 'Circuit open' };
  return breaker === 'half_open'
    ? { status: 'degraded', text: 'Being tried again' }
    : { status: 'ok', text: 'Available' };
}

/** Where tools come from, for people: `builtin`, `mcp:<server>` or `extension:<name>`. */
export function sourceWords(source: string): string {
  if (source === 'builtin') return 'Built in';
  const [, kind, name] = /^(mcp|extension):(.*)$/.exec(source) ?? [];
  if (kind === undefined) return source;
  return kind === 'mcp' ? `MCP server ${name}` : `Extension ${name}`;
}
