import type { HistoryEntry } from '@reeve/contract';
import { invalidField } from '@reeve/kit';
import type { NewMessage } from './session.ts';

/** How far the clock of whoever wrote down a conversation may be ahead of ours. */
const CLOCKS_DIFFER_MS = 5 * 60_000;

/** The messages that a caller wants to have stored. `field` names them in errors. Throws `invalid_request` for one of the future. */
export function messagesFrom(entries: readonly HistoryEntry[], field: string): (NewMessage & { content: string })[] {
  const latest = Date.now() + CLOCKS_DIFFER_MS;
  const early = entries.findIndex(({ at }) => at !== undefined && Date.parse(at) > latest);
  if (early !== -1) throw invalidField(`${field}[${early}].at`, 'must not be in the future');
  return [...entries];
}
