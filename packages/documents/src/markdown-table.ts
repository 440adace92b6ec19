import type { BlockList } from './document.ts';
import type { MarkdownBlock } from './markdown-blocks.ts';
import { addRows, rowText } from './rows.ts';

/** The longest table that stays one; more would not fit in a chunk, and the rest would lose its header. */
const MAX_TABLE = 1_500;

/** Adds a table: a small one as it is written, a larger one as rows with the names of its columns. */
export function readTable(
  { source, inner, line }: MarkdownBlock,
  clean: (text: string) => string,
  list: BlockList,
  at: number | undefined,
): void {
  if (source.length <= MAX_TABLE)
    return list.add({ kind: 'table', text: clean(source), ...(at !== undefined && { line: at }) });
  const rows: { cells: string[]; line: number }[] = [];
  for (const token of inner) {
    if (token.type === 'tr_open') rows.push({ cells: [], line: token.map?.[0] ?? line });
    if (token.type === 'inline') rows.at(-1)?.cells.push(clean(token.content));
  }
  const [header, ...others] = rows;
  addRows(
    list,
    others.map(({ cells }, index) => ({
      text: rowText(header?.cells ?? [], cells),
      // The header has a line, and the rule below it.
      ...(at !== undefined && { line: at + 2 + index }),
    })),
  );
}
