import type { Memory, MemoryPatch } from '@reeve/contract';
import { tagsOver } from '../knowledge/bases.ts';
import type { Typed } from './memory-fields.tsx';

/** Which of two memories stays, and which one goes. */
export interface Fates {
  readonly kept: Memory;
  readonly dropped: Memory;
}

/** What makes one memory of two: `kept` gets the change, and `dropped` goes with it. */
export interface Merge extends Fates {
  readonly change: MemoryPatch;
}

/** What two memories say together: the text of one where it holds all of the other, else both, the older first; and the tags of both. */
export function mergeDraft(one: Memory, other: Memory): Typed {
  const [older, newer] = byAge(one, other);
  const [first, second] = [plain(older.text), plain(newer.text)];
  const text = first.includes(second)
    ? older.text
    : second.includes(first)
      ? newer.text
      : `${older.text}\n${newer.text}`;
  return { text, tags: tagsOf(older, newer).join(', ') };
}

/** The one of two memories stays that says already what was typed, since no two may say the same; else the older one. */
export function fatesOf(one: Memory, other: Memory, { text }: Pick<Typed, 'text'>): Fates {
  const [older, newer] = byAge(one, other);
  const isNewer = plain(newer.text) === plain(text) && plain(older.text) !== plain(text);
  return isNewer ? { kept: newer, dropped: older } : { kept: older, dropped: newer };
}

/** How two memories become what was typed. What stays lasts as long as the longer of the two. `now` in milliseconds. */
export function mergeOf(one: Memory, other: Memory, draft: Typed, now: number): Merge {
  const { kept, dropped } = fatesOf(one, other, draft);
  const tags = tagsOver(tagsOf(...byAge(one, other)), draft.tags);
  const change: MemoryPatch = {
    absorbs: [dropped.id],
    ...(draft.text !== kept.text && { text: draft.text }),
    ...(tags.join() !== kept.tags.join() && { tags: [...tags] }),
    ...(endOf(dropped) > endOf(kept) && { ttl_s: ttlUntil(dropped.expires_at, now) }),
  };
  return { kept, dropped, change };
}

/** The tags of both, each once. */
function tagsOf(one: Memory, other: Memory): string[] {
  return [...new Set([...one.tags, ...other.tags])];
}

/** As the server compares texts: without their case and their white space. */
function plain(text: string): string {
  return text.normalize('NFKC').toLowerCase().replace(/\s+/gu, ' ').trim();
}

function byAge(one: Memory, other: Memory): readonly [Memory, Memory] {
  const difference = Date.parse(one.created_at) - Date.parse(other.created_at);
  return difference < 0 || (difference === 0 && one.id < other.id) ? [one, other] : [other, one];
}

function endOf({ expires_at: end }: Memory): number {
  return end === null ? Infinity : Date.parse(end);
}

/** Seconds from now until then, at least one; null for ever. */
function ttlUntil(end: string | null, now: number): number | null {
  return end === null ? null : Math.max(1, Math.ceil((Date.parse(end) - now) / 1_000));
}
