import { styleText } from 'node:util';
import type { CommandIo, OutputStream } from './io.ts';

/*
 * Data goes to stdout: tables for a terminal, JSON with --json or where stdout is piped. Everything else goes to stderr.
 * What others wrote (titles, answers, tool results) reaches a terminal without control characters.
 */

export interface OutputOptions {
  readonly json?: boolean;
}

/** One column of a table; the last one is cut to the terminal's width. */
export type Column<Row> = readonly [title: string, cell: (row: Row) => string | number | null | undefined];

export function wantsJson({ stdout }: CommandIo, { json }: OutputOptions): boolean {
  return json === true || !stdout.isTTY;
}

/** One JSON document. */
export function printJson({ stdout }: CommandIo, value: unknown): void {
  stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** One of many JSON documents, on a line of its own. */
export function printJsonLine({ stdout }: CommandIo, value: unknown): void {
  stdout.write(`${JSON.stringify(value)}\n`);
}

/** Text for a person; on a terminal without control characters. */
export function printText({ stdout }: CommandIo, text: string): void {
  stdout.write(`${stdout.isTTY ? printable(text) : text}\n`);
}

/** A line on stderr. */
export function note({ stderr }: CommandIo, text: string): void {
  stderr.write(`${text}\n`);
}

export function printTable<Row>(io: CommandIo, rows: readonly Row[], columns: readonly Column<Row>[]): void {
  const titles = columns.map(([title]) => title);
  const cells = rows.map((row) => columns.map(([, cell]) => oneLine(String(cell(row) ?? ''))));
  const widths = titles.map((title, at) => Math.max(title.length, ...cells.map((line) => line[at]!.length)));
  const line = (texts: readonly string[]) =>
    clip(
      texts
        .map((text, at) => text.padEnd(widths[at]!))
        .join('  ')
        .trimEnd(),
      io.stdout.columns ?? 0,
    );
  io.stdout.write(`${[dim(line(titles), io.stdout), ...cells.map(line)].join('\n')}\n`);
}

/** A list as the server answered it: JSON as it is, or a table of its rows with a word on how many more there are. */
export function printList<Row>(
  io: CommandIo,
  answer: { readonly total: number; readonly offset: number },
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  options: OutputOptions,
): void {
  if (wantsJson(io, options)) {
    printJson(io, answer);
    return;
  }
  if (rows.length > 0) printTable(io, rows, columns);
  const end = answer.offset + rows.length;
  if (rows.length === 0) note(io, answer.total === 0 ? 'none' : `none here, ${answer.total} in all`);
  else if (end < answer.total) note(io, `${rows.length} of ${answer.total}; more with --offset ${end}`);
}

/** Names with their values, one a line; values of several lines are indented below their name. */
export function printFields({ stdout }: CommandIo, fields: readonly (readonly [name: string, value: unknown])[]): void {
  const width = Math.max(...fields.map(([name]) => name.length));
  for (const [name, value] of fields) {
    if (value === null || value === undefined || value === '') continue;
    const text = printable(typeof value === 'object' ? JSON.stringify(value) : String(value as string));
    stdout.write(`${dim(name.padEnd(width), stdout)}  ${text.replaceAll('\n', `\n${' '.repeat(width + 2)}`)}\n`);
  }
}

/** A moment for a table: in UTC, without fractions of a second. */
export function shownTime(time: string | null): string {
  return time === null ? '' : time.slice(0, 19);
}

/** A length of time in its largest unit, such as `90 s`, `15 min`, `7 h` or `3 d`. */
export function shownSeconds(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}

/** The text without what would steer a terminal: control characters other than tab and line feed. */
export function printable(text: string): string {
  return text.replace(/(?![\t\n])\p{Cc}/gu, '\ufffd');
}

/** Grey on a terminal that shows colors, else as it is. */
export function dim(text: string, stream: OutputStream): string {
  return styleText('dim', text, { stream });
}

/** Text cut to a number of characters (0: not at all), in one line. */
export function clip(text: string, length: number): string {
  return length === 0 || text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;
}

export function oneLine(text: string): string {
  return printable(text.replace(/\s+/g, ' ').trim());
}
