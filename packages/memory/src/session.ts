import type { Attachment, Message } from '@reeve/contract';
import { storableText } from '@reeve/kit';

/** The caller who requests a change, and the trace. An agent that acts for itself is the user `agent:<slug>`. */
export interface Requester {
  readonly tenantId: string;
  readonly userId: string;
  readonly traceId: string;
}

/** A message not yet positioned in a session. Without content it refers to a step of its run, which has it. */
export interface NewMessage {
  readonly role: Message['role'];
  readonly content: string | null;
  readonly runId?: string | null | undefined;
  readonly step?: number | undefined;
  /** Who said it, where that is more than its role tells. */
  readonly name?: string | undefined;
  /** The files that come with it. */
  readonly attachments?: readonly Attachment[] | undefined;
  /** RFC 3339; unset: now. */
  readonly at?: string | undefined;
}

const TITLE_LENGTH = 80;

/** A session’s title from its first message: the first non-empty line, at most 80 characters. */
export function titleOf(message: string): string {
  const line = message.split(/\r\n|\p{Zl}|\p{Zp}|[\n\r\v\f\u0085]/u).find((text) => text.trim() !== '') ?? '';
  const title = storableText(line).replace(/\s+/gu, ' ').trim().slice(0, TITLE_LENGTH);
  return withoutHalf(title).trim() || 'New session';
}

/** Cutting may have left the first half of a character that takes two units. */
function withoutHalf(text: string): string {
  return text.replace(/[\uD800-\uDBFF]$/, '');
}
