import { Unreadable, type BlockList } from './document.ts';
import { addRows, type Row } from './rows.ts';

const MAX_DEPTH = 200;
const PLAIN_KEY = /^[\p{L}\p{N}_$-]+$/u;

/**
 * Reads JSON: each value becomes a line `path: value`, as in `a.b[2]: yes`; the entries of the outermost object or list are kept
 * together. Throws `Unreadable` for what is not JSON or is nested deeper than 200 levels.
 */
export function readJson(text: string, list: BlockList): void {
  const value = parse(text, '');
  addRows(list, entryRows(value, list));
}

function* entryRows(value: unknown, list: BlockList): Generator<Row> {
  if (!isBranch(value)) yield rowOf(value, '', list);
  else for (const [path, entry] of entriesOf(value, '')) yield rowOf(entry, path, list);
}

/** Reads JSON Lines: each line is a record. Throws `Unreadable` with the line that is not JSON. */
export function readJsonLines(text: string, list: BlockList): void {
  addRows(list, recordsOf(text, list));
}

function* recordsOf(text: string, list: BlockList): Generator<Row> {
  for (const [index, source] of text.split('\n').entries())
    if (source.trim() !== '') yield { ...rowOf(parse(source, `line ${index + 1}: `), '', list), line: index + 1 };
}

function parse(text: string, where: string): unknown {
  try {
    return /\d{16}/.test(text) ? (JSON.parse(text, keepDigits) as unknown) : (JSON.parse(text) as unknown);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Unreadable(`${where}it is not JSON: ${error.message}`, { cause: error });
  }
}

/** Whole numbers that JavaScript would round stay as they are written. */
function keepDigits(_key: string, value: unknown, { source }: { source?: string } = {}): unknown {
  return typeof value === 'number' && source !== undefined && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)
    ? source
    : value;
}

function rowOf(value: unknown, path: string, list: BlockList): Row {
  const lines: string[] = [];
  let room = list.left;
  const write = (part: unknown, at: string, depth: number): void => {
    if (isBranch(part) && Object.keys(part).length > 0) {
      if (depth === MAX_DEPTH) throw new Unreadable(`it is nested deeper than ${MAX_DEPTH} levels`);
      for (const [below, entry] of entriesOf(part, at)) write(entry, below, depth + 1);
      return;
    }
    const line = `${at === '' ? '' : `${at}: `}${isBranch(part) ? JSON.stringify(part) : String(part)}`;
    room -= line.length;
    if (room < 0) list.refuse();
    lines.push(line);
  };
  write(value, path, 0);
  return { text: lines.join('\n') };
}

function isBranch(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** The entries of an object or a list, each with its path. */
function* entriesOf(value: object, path: string): Generator<[path: string, entry: unknown]> {
  if (Array.isArray(value)) for (const [index, entry] of value.entries()) yield [`${path}[${index}]`, entry];
  else
    for (const [key, entry] of Object.entries(value))
      yield [PLAIN_KEY.test(key) ? `${path}${path === '' ? '' : '.'}${key}` : `${path}[${JSON.stringify(key)}]`, entry];
}
