import type { ServerEvent } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import type { ChatCall, ChatPart } from '@reeve/models';
import { usageOfAnswer, type Head } from './completion-chunks.ts';

/** True if the answer that begins with this part is relayed in its provider’s format. */
export function isRelayed(first: ChatPart | undefined): boolean {
  return first?.type === 'relayed' || (first?.type === 'finish' && first.remainder !== undefined);
}

/** The events of a relayed stream. Requested usage that the provider did not report is estimated. */
export async function* relayedEvents(
  head: Head,
  parts: AsyncIterable<ChatPart>,
  { withUsage }: Pick<ChatCall, 'withUsage'>,
): AsyncGenerator<ServerEvent, void> {
  for await (const part of parts) {
    if (part.type === 'relayed') yield { encoded: part.bytes };
    if (part.type !== 'finish') continue;
    if (part.remainder !== undefined) yield { encoded: part.remainder.bytes };
    if (withUsage && part.usage.estimated) yield { data: usageOfAnswer(head, part.usage) };
  }
}

/** A relayed answer as a whole: JSON. */
export async function relayedAnswer(parts: AsyncIterable<ChatPart>): Promise<Uint8Array> {
  for await (const part of parts)
    if (part.type === 'finish' && part.remainder !== undefined) return part.remainder.bytes;
  throw new ReeveError('upstream_error', 'the model’s answer broke off');
}
