import { formatBytes } from '../../ui/format.ts';

/** Why a file is too large. */
export function sizeRefusal({ size }: File, maxBytes: number): string | undefined {
  if (size <= maxBytes) return undefined;
  return `A file may have ${formatBytes(maxBytes)}; this one has ${formatBytes(size)}.`;
}
