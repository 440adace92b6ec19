/** Lines that are made one piece of the file at a time: the browser keeps pieces outside of the page's own memory. */
const PIECE = 2_000;

/** What an export came to. */
export interface Exported {
  readonly file: Blob;
  /** Entries in the file, without its last line. */
  readonly entries: number;
}

/**
 * Gathers the lines of an export into a file. Throws where the last line is not the one that says that the export is whole: a file that
 * was cut off proves nothing.
 */
export async function gatherLines(
  lines: AsyncIterable<string>,
  onProgress: (entries: number) => void,
): Promise<Exported> {
  const pieces: Blob[] = [];
  let piece: string[] = [];
  let count = 0;
  let last = '';
  for await (const line of lines) {
    piece.push(`${line}\n`);
    last = line;
    count += 1;
    if (piece.length < PIECE) continue;
    pieces.push(new Blob(piece));
    piece = [];
    onProgress(count);
  }
  if (!isEnd(last))
    throw new Error('The server broke off before the end. What came so far was thrown away: try again.');
  const file = new Blob([...pieces, ...piece], { type: 'application/x-ndjson' });
  return { file, entries: count - 1 };
}

function isEnd(line: string): boolean {
  try {
    const end: unknown = JSON.parse(line);
    return end !== null && typeof end === 'object' && 'exported' in end;
  } catch {
    return false;
  }
}
