import { formatDate } from '../../ui/format.ts';

/** How long a memory lasts that ends then; null for never. */
export function lastingWords(end: string | null): string {
  return end === null ? 'for ever' : `until ${formatDate(end)}`;
}
