import type { FileHandle } from 'node:fs/promises';
import { ReeveError } from '@reeve/kit';
import { openInside } from '@reeve/sandbox';
import { z } from 'zod';
import { Path, asText } from '../text-file.ts';
import { defineTool, success } from '../tool.ts';

const MAX_CONTENT_BYTES = 100 * 1024;
const MAX_SCAN_BYTES = 256 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Part of a text file, by lines. */
export const readFile = defineTool({
  name: 'read_file',
  description:
    'Reads a text file of the workspace, by lines: `offset` is the first line (from 1), `limit` how many lines. One call gives at most 100 KiB; where there is more, `next_offset` says with which `offset` to go on.',
  effect: 'none',
  timeoutMs: 30_000,
  input: z.strictObject({
    path: Path,
    offset: z.int().min(1).default(1).describe('First line to read, from 1.'),
    limit: z.int().min(1).max(100_000).default(2_000).describe('How many lines to read.'),
  }),
  async execute({ path, offset, limit }, { workspace, signal }) {
    await using handle = await openInside(workspace, path);
    const start = await findLine(handle, offset, signal);
    if (start === undefined)
      throw new ReeveError('invalid_request', `${JSON.stringify(path)} ends before line ${offset}`);
    const { bytes, lines, atEnd, cutLine } = await readLines(handle, start, limit);
    return success({
      path,
      content: asText(path, bytes),
      first_line: offset,
      lines,
      ...(!atEnd && { next_offset: offset + lines }),
      ...(cutLine && { note: `line ${offset} is longer than ${MAX_CONTENT_BYTES} bytes and was cut` }),
    });
  },
});

/** Where a line begins, in bytes, or undefined where the file ends before it. */
async function findLine(handle: FileHandle, line: number, signal: AbortSignal): Promise<number | undefined> {
  let [position, left] = [0, line - 1];
  const buffer = Buffer.alloc(64 * 1024);
  while (left > 0) {
    signal.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0 || position > MAX_SCAN_BYTES) return undefined;
    for (let at = 0; at < bytesRead && left > 0; at++) {
      if (buffer[at] !== NEWLINE) continue;
      left -= 1;
      if (left === 0) return (await handle.stat()).size > position + at + 1 ? position + at + 1 : undefined;
    }
    position += bytesRead;
  }
  return position;
}

/** At most `limit` whole lines from a position; a first line beyond the limit in bytes is cut. */
async function readLines(handle: FileHandle, start: number, limit: number) {
  const buffer = Buffer.alloc(MAX_CONTENT_BYTES + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, start + length);
    length += bytesRead;
    if (bytesRead === 0 || length === buffer.length) break;
  }
  const complete = length <= MAX_CONTENT_BYTES;
  let [end, lines] = [0, 0];
  while (lines < limit) {
    const at = buffer.subarray(0, length).indexOf(NEWLINE, end);
    if (at === -1) break;
    end = at + 1;
    lines += 1;
  }
  if (lines < limit && complete && end < length) [end, lines] = [length, lines + 1];
  if (lines > 0 || complete)
    return { bytes: buffer.subarray(0, end), lines, atEnd: complete && end === length, cutLine: false };
  return { bytes: wholeCharacters(buffer.subarray(0, MAX_CONTENT_BYTES)), lines: 1, atEnd: false, cutLine: true };
}

/** Without a character of UTF-8 that was cut in half at the end. */
function wholeCharacters(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > bytes.length - 4 && ((bytes[end - 1] ?? 0) & 0xc0) === 0x80) end -= 1;
  return (bytes[end - 1] ?? 0) >= 0xc0 ? bytes.subarray(0, end - 1) : bytes;
}
