import type { Message } from '@reeve/contract';
import { storableText } from '@reeve/kit';

/** Who asks for a change, and in which trace. An agent that acts for itself is the user `agent:<slug>`. */
export interface Requester {
  readonly tenantId: string;
  readonly userId: string;
  readonly traceId: string;
}

/** A message that has no place in a session yet. Without content it tells of a step of its run, which has that. */
export interface NewMessage {
  readonly role: Message['role'];
  readonly content: string | null;
  readonly runId?: string | null | undefined;
  readonly step?: number | undefined;
  /** Who said it, where that is more than its role tells. */
  readonly name?: string | undefined;
  /** RFC 3339; unset: now. */
  readonly at?: string | undefined;
}

const TITLE_LENGTH = 80;

/** A session's title after its first message: the first line that says something, at most 80 characters. */
export function titleOf(message: string): string {
  const line = message.split(/\r\n|\p{Zl}|\p{Zp}|[\n\r\v\f\u0085]/u).find((text) => text.trim() !== '') ?? '';
  const title = storableText(line).replace(/\s+/gu, ' ').trim().slice(0, TITLE_LENGTH);
  return withoutHalf(title).trim() || 'New session';
}

/** Cutting may have left the first half of a character that takes two units. */
function withoutHalf(text: string): string {
  return text.replace(/[\uD800-\uDBFF]$/, '');
}
