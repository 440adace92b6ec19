import { isUtf8 } from 'node:buffer';
import { openBoundedThread, ReeveError } from '@reeve/kit';
import { listInside, openInside } from '@reeve/sandbox';
import { z } from 'zod';
import { compileGlob, matchingPaths } from '../glob.ts';
import type { GrepAnswer, GrepData, GrepLine, GrepQuestion } from '../grep-worker.ts';
import { defineTool } from '../tool.ts';
import { createTurns } from '../turns.ts';

const MAX_ENTRIES = 50_000;
const MAX_FILE_BYTES = 5 * 1024 * 1024;
const MAX_SCAN_BYTES = 256 * 1024 * 1024;
const MAX_OUTPUT = 64 * 1024;
/** For the matching of all lines. */
const SEARCH_MS = 10_000;
/** For reading and matching together. */
const SCAN_MS = 30_000;
const WAIT_MS = 30_000;

/** Searches of this process at a time: each may keep a core busy. */
const turns = createTurns(2);

/** Lines of the workspace's files that match a pattern. The pattern is a stranger's, so it is matched in a bounded worker. */
export const grepFiles = defineTool({
  name: 'grep_files',
  description:
    'Searches the text files of the workspace for lines that match a regular expression (JavaScript syntax, such as "function \\w+\\("), or plain text with `literal`. The output names each file and shows its lines, "12:" before a match and "13-" before a line around it. Links are not followed; binary files and files above 5 MiB are left out and counted.',
  effect: 'none',
  timeoutMs: WAIT_MS + 60_000,
  input: z.strictObject({
    pattern: z.string().min(1).max(2_000).describe('What to look for, line by line.'),
    literal: z.boolean().default(false).describe('The pattern is plain text, not a regular expression.'),
    ignore_case: z.boolean().default(false).describe('Upper and lower case are the same.'),
    glob: z.string().min(1).max(500).optional().describe('Only files whose path matches, such as "src/**/*.ts".'),
    exclude: z.string().min(1).max(500).optional().describe('No files whose path matches, such as "**/dist/**".'),
    context: z.int().min(0).max(10).default(0).describe('Lines to show before and after each match.'),
    limit: z.int().min(1).max(1_000).default(100).describe('How many matching lines at most.'),
  }),
  async execute({ glob, exclude, limit, ...asked }, { workspace, signal }) {
    const data = dataOf(asked);
    const isWanted = glob === undefined ? () => true : globOf(glob);
    const isExcluded = exclude === undefined ? () => false : globOf(exclude);
    using _turn = await turns.take(WAIT_MS, signal);
    const { paths, complete } = await listInside(workspace, { maxEntries: MAX_ENTRIES, signal });
    const wanted = await matchingPaths(paths, (path) => isWanted(path) && !isExcluded(path), signal);
    const file = new URL('../grep-worker.ts', import.meta.url);
    await using worker = openBoundedThread<GrepQuestion, GrepAnswer>({ file, timeoutMs: SEARCH_MS }, data);
    const found = { output: '', matches: 0, files: 0 };
    let [searched, skipped, left, truncated] = [0, 0, MAX_SCAN_BYTES, !complete];
    const until = performance.now() + SCAN_MS;
    for (const path of wanted) {
      signal.throwIfAborted();
      const isLate = performance.now() >= until;
      if (isLate || found.matches >= limit || found.output.length >= MAX_OUTPUT || left <= 0) {
        truncated = true;
        break;
      }
      const bytes = await readWhole(workspace, path);
      left -= bytes?.length ?? 0;
      if (bytes === undefined || bytes.includes(0) || !isUtf8(bytes)) {
        skipped += 1;
        continue;
      }
      searched += 1;
      const answer = await worker.ask({ text: bytes.toString('utf8'), limit: limit - found.matches }, signal);
      if (answer.kind === 'late') return late(found);
      if (answer.kind === 'refused')
        throw new ReeveError('invalid_request', `${JSON.stringify(path)} cannot be searched: ${answer.message}`);
      const { lines, matches, more } = answer.value;
      truncated ||= more;
      if (matches === 0) continue;
      found.files += 1;
      found.matches += matches;
      found.output += `${found.output === '' ? '' : '\n'}${path}\n${shown(lines, data.context)}`;
    }
    if (found.output.length > MAX_OUTPUT) [found.output, truncated] = [cutToLine(found.output), true];
    return {
      status: 'success',
      result: { ...found, files_searched: searched, ...(skipped > 0 && { files_skipped: skipped }), truncated },
      truncated,
    };
  },
});

/** The pattern as a regular expression, checked. `(?i)` in front, as other engines write it, is understood. */
function dataOf({
  pattern,
  literal,
  ignore_case,
  context,
}: {
  readonly pattern: string;
  readonly literal: boolean;
  readonly ignore_case: boolean;
  readonly context: number;
}): GrepData {
  const inline = !literal && pattern.startsWith('(?i)');
  const source = literal ? RegExp.escape(pattern) : inline ? pattern.slice(4) : pattern;
  const flags = ignore_case || inline ? 'i' : '';
  // Without "u" more is allowed, such as a needless backslash.
  for (const each of [`u${flags}`, flags]) if (isPattern(source, each)) return { source, flags: each, context };
  throw new ReeveError(
    'invalid_request',
    `pattern: ${JSON.stringify(pattern)} is no regular expression; to look for plain text, set "literal": true`,
  );
}

function isPattern(source: string, flags: string): boolean {
  try {
    return new RegExp(source, flags).flags === flags;
  } catch {
    return false;
  }
}

function globOf(pattern: string): (path: string) => boolean {
  return compileGlob(pattern.replace(/^(\/workspace\/|\.\/)/, ''));
}

/** A file's bytes, or undefined where it is too large, vanished, or cannot be read. */
async function readWhole(workspace: string, path: string): Promise<Buffer | undefined> {
  try {
    await using handle = await openInside(workspace, path);
    const { size } = await handle.stat();
    if (size > MAX_FILE_BYTES) return undefined;
    const buffer = Buffer.alloc(size);
    const { bytesRead } = await handle.read(buffer, 0, size, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if (error instanceof ReeveError && error.reason === 'invalid_request') return undefined;
    throw error;
  }
}

/** Lines under their numbers; where there are lines around matches, "--" stands for those left out between. */
function shown(lines: readonly GrepLine[], context: number): string {
  return lines
    .map(({ number, text, isMatch }, index) => {
      const isApart = context > 0 && index > 0 && lines[index - 1]!.number < number - 1;
      return `${isApart ? '--\n' : ''}${number}${isMatch ? ':' : '-'}${text}\n`;
    })
    .join('');
}

function cutToLine(output: string): string {
  return output.slice(0, output.lastIndexOf('\n', MAX_OUTPUT) + 1);
}

function late(found: { readonly output: string; readonly matches: number }) {
  const error = `the search took longer than ${SEARCH_MS / 1000} s and was stopped; give a simpler pattern without nested repetition, or a narrower glob`;
  return { status: 'timeout', result: { error, ...found, output: cutToLine(found.output) }, truncated: true } as const;
}
