interface Paged {
  readonly total: number;
  readonly limit: number;
  readonly offset: number;
}

/** Offset of the page after this one; undefined where this is the last. `count` is how many items it held. */
export function nextOffset(page: Paged, count: number): number | undefined {
  const next = page.offset + count;
  return count > 0 && next < page.total ? next : undefined;
}
