import { listInside } from '@reeve/sandbox';
import { z } from 'zod';
import { compileGlob, matchingPaths } from '../glob.ts';
import { defineTool } from '../tool.ts';
import { createTurns } from '../turns.ts';

const MAX_ENTRIES = 50_000;
const WAIT_MS = 30_000;

/** Calls of this process at a time: each may keep the event loop busy, in slices. */
const turns = createTurns(4);

/** The files of the workspace whose path matches a pattern. */
export const globFiles = defineTool({
  name: 'glob_files',
  description:
    'Lists files of the workspace whose path matches a glob pattern, sorted: "*.md" in the top directory, "**/*.md" at any depth, "src/**" all below src, "{a,b}/*.txt". Links are not followed.',
  effect: 'none',
  timeoutMs: WAIT_MS + 30_000,
  input: z.strictObject({
    pattern: z.string().min(1).max(500).describe('Glob pattern, relative to the workspace.'),
    limit: z.int().min(1).max(2_000).default(200).describe('How many paths to list at most.'),
  }),
  async execute({ pattern, limit }, { workspace, signal }) {
    const matches = compileGlob(pattern.replace(/^(\/workspace\/|\.\/)/, ''));
    using _turn = await turns.take(WAIT_MS, signal);
    const { paths, complete } = await listInside(workspace, { maxEntries: MAX_ENTRIES, signal });
    const matching = await matchingPaths(paths, matches, signal);
    const truncated = !complete || matching.length > limit;
    return {
      status: 'success',
      result: { files: matching.slice(0, limit), total: matching.length, truncated },
      truncated,
    };
  },
});
