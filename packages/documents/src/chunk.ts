import { cutAt, skipBlank, skipLines, trimBlank, type SplitMode } from './cut.ts';
import { BLOCK_SEPARATOR, plainText, type Block, type Heading, type ReadDocument } from './document.ts';

/** A piece of a document that is found and read by itself. */
export interface Chunk {
  /** Its place among the chunks, from 0. */
  readonly position: number;
  readonly text: string;
  /** The headings it stands under, outermost first, each at most 200 characters. For the index: they are no part of the text. */
  readonly headings: readonly string[];
  /** Where its text begins and ends in the document's `plainText`. */
  readonly start: number;
  readonly end: number;
  /** The page it begins on, where the format has pages. */
  readonly page?: number;
}

/** The most characters of a chunk. */
export const MAX_CHUNK = 1_600;
const MAX_HEADING = 200;

/**
 * Cuts a document into chunks of at most 1,600 characters that do not overlap and leave out only blanks. Each begins with a block
 * or in a block that is too long for one, and holds what fits; a heading begins a chunk, and stays with what stands below it.
 * Long blocks are cut at sentences, or at lines where they are code, rows, tables or lists.
 */
export function chunkDocument(document: ReadDocument): Chunk[] {
  const text = plainText(document);
  const chunks: Chunk[] = [];
  const path: Heading[] = [];
  let open: Open | undefined;
  const close = () => {
    const chunk = open && chunkOf(text, open, path, chunks.length);
    if (chunk !== undefined) chunks.push(chunk);
    open = undefined;
  };
  let end = -BLOCK_SEPARATOR.length;
  for (const block of document.blocks) {
    let at = end + BLOCK_SEPARATOR.length;
    end = at + block.text.length;
    if (block.kind === 'heading') {
      if (open?.level === undefined || block.level <= open.level) close();
      while (path.length > 0 && path.at(-1)!.level >= block.level) path.pop();
      path.push(block);
    }
    while (at < end) {
      const most = (open?.start ?? at) + MAX_CHUNK;
      if (end <= most) {
        open = grown(open, block, at, end);
        break;
      }
      if (open !== undefined && (open.level === undefined || most - at < MAX_CHUNK / 4)) {
        close();
        continue;
      }
      const cut = cutAt(text, at, most, splitModeOf(block));
      open = grown(open, block, at, cut);
      close();
      at = skipBlank(text, cut, end);
    }
  }
  close();
  return chunks;
}

/** A chunk that may still grow. */
interface Open {
  readonly start: number;
  readonly end: number;
  readonly page?: number;
  /** Where it holds headings alone: the level of the last. */
  readonly level?: number;
}

function grown(open: Open | undefined, block: Block, start: number, end: number): Open {
  const page = open === undefined ? block.page : open.page;
  return {
    start: open?.start ?? start,
    end,
    ...(page !== undefined && { page }),
    ...(block.kind === 'heading' && { level: block.level }),
  };
}

/** Undefined where there is nothing but blanks. */
function chunkOf(text: string, open: Open, path: readonly Heading[], position: number): Chunk | undefined {
  const end = trimBlank(text, open.start, open.end);
  if (end === open.start) return undefined;
  const start = skipLines(text, open.start, end);
  return {
    position,
    text: text.slice(start, end),
    headings: path.map((heading) => heading.text.slice(0, MAX_HEADING).toWellFormed()),
    start,
    end,
    ...(open.page !== undefined && { page: open.page }),
  };
}

function splitModeOf({ kind }: Block): SplitMode {
  return kind === 'paragraph' || kind === 'heading' ? 'prose' : 'lines';
}
