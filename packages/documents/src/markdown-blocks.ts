import MarkdownIt, { type Token } from 'markdown-it';

/** An outermost block of Markdown. */
export interface MarkdownBlock {
  /** What opens it. */
  readonly token: Token;
  /** What is inside. */
  readonly inner: readonly Token[];
  /** Its lines as they are written. */
  readonly source: string;
  /** Its first line, from 0. */
  readonly line: number;
}

const WINDOW_LINES = 2_000;

// Only what makes blocks is run, so that the text stays as it is written. Without references their lines are paragraphs.
const markdown = new MarkdownIt({ html: true });
markdown.core.ruler.enableOnly(['normalize', 'block']);
markdown.block.ruler.disable('reference');

/**
 * The outermost blocks in order. A few thousand lines are parsed at a time, to bound the memory: all blocks of them but the last,
 * which may go on, are as they would be in the whole.
 */
export function* nextBlocks(source: string, windowLines = WINDOW_LINES): Generator<MarkdownBlock> {
  const lines = source.split('\n');
  let [at, size] = [0, windowLines];
  while (at < lines.length) {
    const blocks = blocksOf(lines, at, Math.min(at + size, lines.length));
    const isLast = at + size >= lines.length;
    const last = blocks.at(-1);
    if (isLast || last === undefined) at += size;
    else {
      blocks.pop();
      // A block that fills the window is parsed again in a larger one.
      size = blocks.length === 0 ? size * 2 : windowLines;
      at = last.line;
    }
    yield* blocks;
  }
}

function blocksOf(lines: readonly string[], from: number, to: number): MarkdownBlock[] {
  const tokens = markdown.parse(lines.slice(from, to).join('\n'), {});
  const blocks: MarkdownBlock[] = [];
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index]!;
    let end = index;
    if (token.nesting === 1) while (!(tokens[++end]!.level === 0 && tokens[end]!.nesting === -1));
    const [first, after] = token.map ?? [0, 0];
    blocks.push({
      token,
      inner: tokens.slice(index + 1, end),
      source: lines.slice(from + first, from + after).join('\n'),
      line: from + first,
    });
    index = end;
  }
  return blocks;
}
