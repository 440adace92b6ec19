import type { Memory, MemoryPatch } from '@reeve/contract';
import { tagsOver } from '../knowledge/bases.ts';
import type { Typed } from './memory-fields.tsx';

const DAY_S = 86_400;

/** How long a memory can be made to last, from now: in seconds, null for ever. */
export const LASTING = {
  ever: { label: 'For ever', ttlS: null },
  day: { label: 'A day from now', ttlS: DAY_S },
  week: { label: 'A week from now', ttlS: 7 * DAY_S },
  month: { label: '30 days from now', ttlS: 30 * DAY_S },
  year: { label: 'A year from now', ttlS: 365 * DAY_S },
} as const;
export type Lasting = keyof typeof LASTING;

/** A memory as it is typed. */
export interface MemoryDraft extends Typed {
  /** Undefined where it lasts as it did. */
  readonly lasting: Lasting | undefined;
}

/** What a form begins with. */
export const memoryDraft = ({ text, tags }: Memory): MemoryDraft => ({
  text,
  tags: tags.join(', '),
  lasting: undefined,
});

/** What of a memory was changed; undefined for nothing. */
export function changesOf(memory: Memory, { text, tags, lasting }: MemoryDraft): MemoryPatch | undefined {
  const typed = tagsOver(memory.tags, tags);
  const changes: MemoryPatch = {
    ...(text !== memory.text && { text }),
    ...(typed.join() !== memory.tags.join() && { tags: [...typed] }),
    ...(lasting !== undefined && { ttl_s: LASTING[lasting].ttlS }),
  };
  return Object.keys(changes).length > 0 ? changes : undefined;
}
