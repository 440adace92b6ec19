import type { Block } from './document.ts';

/** A piece of text as pdf.js tells it. */
export interface PdfText {
  readonly str: string;
  /** A matrix of six: its last two are where the piece stands, from the left and from below. */
  readonly transform: readonly unknown[];
  readonly hasEOL: boolean;
}

export interface Line {
  readonly text: string;
  /** Height of its print. */
  readonly size: number;
  /** Distance of its foot from that of the page. */
  readonly y: number;
}

const HEADING_RATIO = 1.15;
const MAX_HEADING = 200;
/** Lines of one paragraph are nearer to each other than so many times the height of their print. */
const PARAGRAPH_GAP = 1.7;

/** Puts pieces of text together to lines, in the order in which the page draws them. */
export function linesOf(items: readonly PdfText[]): Line[] {
  const lines: Line[] = [];
  let [text, size, y] = ['', 0, 0];
  const flush = () => {
    if (text.trim() !== '') lines.push({ text: text.replaceAll(/\s+/g, ' ').trim(), size, y });
    [text, size] = ['', 0];
  };
  for (const { str, transform, hasEOL } of items) {
    const [, , c, d, , at] = transform.map(Number) as [number, number, number, number, number, number];
    const height = Math.hypot(c, d);
    if (text !== '' && str.trim() !== '' && Math.abs(at - y) > Math.max(size, height) / 2) flush();
    if (str.trim() !== '') {
      if (text === '') y = at;
      size = Math.max(size, height);
    }
    text += str;
    if (hasEOL) flush();
  }
  flush();
  return lines;
}

/**
 * Paragraphs and headings of pages. The print that most text has is that of paragraphs; a short line in larger print is a
 * heading, of a higher level the larger it is. A word that is parted at the end of a line is put together.
 */
export function* blocksOfPages(pages: readonly (readonly Line[])[]): Generator<Block> {
  const body = commonSize(pages);
  const sizes = headingSizes(pages, body);
  const levelOf = ({ text, size }: Line) =>
    isHeading(text, size, body) ? Math.min(sizes.indexOf(rounded(size)) + 1, 6) : 0;
  for (const [index, lines] of pages.entries()) {
    let [text, level]: [string, number] = ['', 0];
    let last: Line | undefined;
    const page = index + 1;
    const block = (): Block => (level > 0 ? { kind: 'heading', level, text, page } : { kind: 'paragraph', text, page });
    for (const line of lines) {
      const own = levelOf(line);
      if (last !== undefined && (own !== level || !isNext(last, line))) {
        yield block();
        text = '';
      }
      text = text === '' ? line.text : joined(text, line.text);
      [level, last] = [own, line];
    }
    if (text !== '') yield block();
  }
}

function isHeading(text: string, size: number, body: number): boolean {
  return size >= body * HEADING_RATIO && text.length <= MAX_HEADING && /\p{L}/u.test(text);
}

/** Whether a line goes on with the paragraph of the one before: near below it, in print of about the same height. */
function isNext(before: Line, line: Line): boolean {
  const gap = before.y - line.y;
  const size = Math.max(before.size, line.size);
  return gap > 0 && gap < size * PARAGRAPH_GAP && Math.abs(before.size - line.size) < size * 0.1;
}

function joined(text: string, next: string): string {
  if (text.endsWith('\u00AD') || (/\p{L}-$/u.test(text) && /^\p{Ll}/u.test(next))) return text.slice(0, -1) + next;
  return `${text} ${next}`;
}

/** The height of print, rounded to half points, that most characters have. */
function commonSize(pages: readonly (readonly Line[])[]): number {
  const counts = new Map<number, number>();
  for (const { text, size } of pages.flat()) counts.set(rounded(size), (counts.get(rounded(size)) ?? 0) + text.length);
  return [...counts].reduce((most, one) => (one[1] > most[1] ? one : most), [0, 0])[0];
}

/** The heights of headings, largest first. */
function headingSizes(pages: readonly (readonly Line[])[], body: number): number[] {
  const found = pages.flat().filter(({ text, size }) => isHeading(text, size, body));
  return [...new Set(found.map(({ size }) => rounded(size)))].sort((a, b) => b - a);
}

function rounded(size: number): number {
  return Math.round(size * 2) / 2;
}
