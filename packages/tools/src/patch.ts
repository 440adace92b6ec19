import { ReeveError } from '@reeve/kit';

/** One file of a patch, and what shall become of it. */
export type FileChange =
  | { readonly kind: 'add'; readonly path: string; readonly content: string }
  | { readonly kind: 'delete'; readonly path: string }
  | {
      readonly kind: 'update';
      readonly path: string;
      readonly moveTo: string | undefined;
      readonly hunks: readonly Hunk[];
    };

/** A part of a file that changes. */
export interface Hunk {
  /** The line of the patch that it begins at, from 1. */
  readonly at: number;
  /** Lines of the file that come before it, in their order: they say which of several places is meant. */
  readonly anchors: readonly string[];
  readonly lines: readonly HunkLine[];
  /** Its last line is the file's last. */
  readonly atEnd: boolean;
}

export interface HunkLine {
  readonly kind: 'keep' | 'remove' | 'add';
  readonly text: string;
  /** Its line of the patch, from 1. */
  readonly at: number;
}

const BEGIN = '*** Begin Patch';
const END = '*** End Patch';
const ADD = '*** Add File: ';
const DELETE = '*** Delete File: ';
const UPDATE = '*** Update File: ';
const MOVE = '*** Move to: ';
const END_OF_FILE = '*** End of File';
/** The header of a unified diff's hunk; what it counts is not relied upon. */
const COUNTED = /^@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@/;
const KINDS: Readonly<Record<string, HunkLine['kind']>> = { ' ': 'keep', '-': 'remove', '+': 'add' };

/**
 * Reads a patch in the envelope that OpenAI's models are trained on: files by name, hunks found by their text and not by line
 * numbers, which models count badly. Throws `invalid_request` with the line of the patch that is wrong.
 */
export function parsePatch(text: string): FileChange[] {
  const lines = text.trim().replaceAll('\r\n', '\n').split('\n');
  if (lines[0]?.trimEnd() !== BEGIN)
    throw invalid(1, `must be "${BEGIN}"; a unified diff (---, +++) is not understood here`);
  if (lines.at(-1)?.trimEnd() !== END) throw invalid(lines.length, `must be "${END}"`);
  const reader = { lines: lines.slice(0, -1), next: 1 };
  const changes: FileChange[] = [];
  while (reader.next < reader.lines.length) changes.push(readChange(reader));
  if (changes.length === 0) throw invalid(2, `must be "${UPDATE}path", "${ADD}path" or "${DELETE}path"`);
  return changes;
}

/** The lines of a patch, and the index of the one to read next. */
interface Reader {
  readonly lines: readonly string[];
  next: number;
}

function readChange(reader: Reader): FileChange {
  const header = reader.lines[reader.next++]!;
  if (header.startsWith(ADD)) return { kind: 'add', path: pathOf(header, ADD), content: readContent(reader) };
  if (header.startsWith(DELETE)) return { kind: 'delete', path: pathOf(header, DELETE) };
  if (!header.startsWith(UPDATE))
    throw invalid(
      reader.next,
      `is ${quoted(header)} and must be "${UPDATE}path", "${ADD}path", "${DELETE}path" or "${END}"`,
    );
  const at = reader.next;
  const second = reader.lines[reader.next] ?? '';
  const moveTo = second.startsWith(MOVE) ? pathOf(second, MOVE) : undefined;
  if (moveTo !== undefined) reader.next += 1;
  const hunks: Hunk[] = [];
  while (reader.next < reader.lines.length && !isHeader(reader.lines[reader.next]!)) hunks.push(readHunk(reader));
  if (hunks.length === 0 && moveTo === undefined) throw invalid(at, 'names a file to update, and no change follows');
  return { kind: 'update', path: pathOf(header, UPDATE), moveTo, hunks };
}

function readContent(reader: Reader): string {
  let content = '';
  for (; reader.next < reader.lines.length; reader.next++) {
    const line = reader.lines[reader.next]!;
    if (isHeader(line)) break;
    if (!line.startsWith('+'))
      throw invalid(reader.next + 1, `is ${quoted(line)}; every line of a new file must begin with "+"`);
    content += `${line.slice(1)}\n`;
  }
  return content;
}

function readHunk(reader: Reader): Hunk {
  const at = reader.next + 1;
  const anchors: string[] = [];
  for (; reader.lines[reader.next]?.startsWith('@@'); reader.next++) {
    const line = reader.lines[reader.next]!;
    const anchor = COUNTED.test(line) ? '' : line.slice(2).trim();
    if (anchor !== '') anchors.push(anchor);
  }
  const lines: HunkLine[] = [];
  let atEnd = false;
  for (; reader.next < reader.lines.length; reader.next++) {
    const line = reader.lines[reader.next]!;
    if (isHeader(line) || line.startsWith('@@')) break;
    if (line.trimEnd() === END_OF_FILE) {
      atEnd = true;
      reader.next += 1;
      break;
    }
    // Models leave out the space before an empty line.
    const kind = line === '' ? 'keep' : KINDS[line[0]!];
    if (kind === undefined)
      throw invalid(reader.next + 1, `is ${quoted(line)} and must begin with " ", "-" or "+"; a hunk begins with "@@"`);
    lines.push({ kind, text: line.slice(1), at: reader.next + 1 });
  }
  if (lines.every(({ kind }) => kind === 'keep')) throw invalid(at, 'begins a hunk that changes nothing');
  return { at, anchors, lines, atEnd };
}

function isHeader(line: string): boolean {
  return [ADD, DELETE, UPDATE].some((header) => line.startsWith(header));
}

function pathOf(line: string, header: string): string {
  return line.slice(header.length).trim();
}

function quoted(line: string): string {
  return JSON.stringify(line.length > 120 ? `${line.slice(0, 120).toWellFormed()}…` : line);
}

function invalid(line: number, message: string): ReeveError {
  return new ReeveError('invalid_request', `patch: line ${line} ${message}`);
}
