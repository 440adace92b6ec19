import type { BlockList } from './document.ts';

/** One record: its lines of `name: value`. */
export interface Row {
  readonly text: string;
  /** The line of the file it begins on, from 1. */
  readonly line?: number;
}

/** How much of consecutive rows makes one block: about what a chunk holds. */
const MAX_BLOCK = 1_500;

/** Adds rows to a list, as many to a block as a chunk holds; a longer one has a block by itself. */
export function addRows(list: BlockList, rows: Iterable<Row>): void {
  let [text, line]: [string, number | undefined] = ['', undefined];
  const flush = () => {
    list.add({ kind: 'rows', text, ...(line !== undefined && { line }) });
    text = '';
  };
  for (const row of rows) {
    if (text !== '' && text.length + row.text.length > MAX_BLOCK) flush();
    if (text === '') [text, line] = [row.text, row.line];
    else text += `${row.text.includes('\n') ? '\n\n' : '\n'}${row.text}`;
  }
  flush();
}

/** A row of a table with the names of its columns; cells without text are left out. */
export function rowText(names: readonly string[], cells: readonly string[]): string {
  const lines: string[] = [];
  for (const [index, cell] of cells.entries()) {
    const value = cell.trim();
    if (value !== '') lines.push(`${names[index]?.trim() || `column ${index + 1}`}: ${value}`);
  }
  return lines.join('\n');
}
