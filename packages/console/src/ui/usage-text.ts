import type { Usage } from '@reeve/contract';
import { formatCost, formatCount } from './format.ts';

/** Tokens and money in a line: `1,204 in · 312 out · $0.0021`. */
export function usageText(usage: Usage): string {
  const tokens = `${formatCount(usage.input_tokens)} in · ${formatCount(usage.output_tokens)} out`;
  return usage.cost_usd === null ? tokens : `${tokens} · ${formatCost(usage.cost_usd)}`;
}
