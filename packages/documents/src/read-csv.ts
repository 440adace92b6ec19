import { CsvError, parse } from 'csv-parse/sync';
import { Unreadable, type BlockList } from './document.ts';
import { addRows, rowText } from './rows.ts';

const MAX_COLUMNS = 1_000;
const MAX_ROW_CHARACTERS = 1_000_000;
const SAMPLE_LINES = 20;
const DELIMITERS = [',', ';', '\t', '|'];

interface Parsed {
  readonly cells: readonly string[];
  /** The line it begins on, from 1. */
  readonly line: number;
}

/**
 * Reads a table: its first row names the columns, each other becomes lines of `name: value`. The delimiter is a comma, semicolon,
 * tab or bar, whichever is met most. Throws `Unreadable` with the line where a quote is never closed, and for tables of
 * more than 1,000 columns.
 */
export function readCsv(text: string, list: BlockList): void {
  const [names, ...rows] = parseRows(text);
  if (names === undefined) return;
  if (rows.length === 0) return list.add({ kind: 'rows', text: names.cells.join(', '), line: names.line });
  addRows(
    list,
    rows.map(({ cells, line }) => ({ text: rowText(names.cells, cells), line })),
  );
}

function parseRows(text: string): Parsed[] {
  const rows: Parsed[] = [];
  try {
    parse(text, {
      delimiter: delimiterOf(text),
      relax_quotes: true,
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: MAX_ROW_CHARACTERS,
      on_record(cells: string[], { lines }) {
        if (cells.length > MAX_COLUMNS)
          throw new Unreadable(`line ${lines} has ${cells.length} columns; ${MAX_COLUMNS} are the most`);
        rows.push({ cells, line: lines - cells.join('').split('\n').length + 1 });
        return null;
      },
    });
    return rows;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error['lines'] === 'number' ? ` near line ${error['lines']}` : '';
    if (error.code === 'CSV_QUOTE_NOT_CLOSED') throw new Unreadable(`a quote${line} is never closed`, { cause: error });
    if (error.code === 'CSV_MAX_RECORD_SIZE')
      throw new Unreadable(`a row${line} is longer than ${MAX_ROW_CHARACTERS.toLocaleString('en')} characters`, {
        cause: error,
      });
    throw new Unreadable(`the table is broken${line}: ${error.message}`, { cause: error });
  }
}

/** The delimiter that the first lines have most of. */
function delimiterOf(text: string): string {
  let end = 0;
  for (let line = 0; line < SAMPLE_LINES && end >= 0; line++) end = text.indexOf('\n', end + 1);
  const sample = text.slice(0, Math.min(end < 0 ? text.length : end, 65_536)).replaceAll(/"[^"]*"/g, '');
  const count = (delimiter: string) => sample.split(delimiter).length;
  return DELIMITERS.reduce((best, delimiter) => (count(delimiter) > count(best) ? delimiter : best));
}
