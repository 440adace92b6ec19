/** Rows of one page of a list, and how many there are in all. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly total: number;
}

/** Reads a list to its end, page by page. */
export async function readAll<Row>(
  read: (query: { readonly limit: number; readonly offset: number }) => Promise<Page<Row>>,
): Promise<Row[]> {
  const found: Row[] = [];
  for (;;) {
    const { rows, total } = await read({ limit: 200, offset: found.length });
    found.push(...rows);
    if (rows.length === 0 || found.length >= total) return found;
  }
}
