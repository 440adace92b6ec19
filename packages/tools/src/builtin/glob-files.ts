import { listInside } from '@reeve/sandbox';
import { z } from 'zod';
import { compileGlob } from '../glob.ts';
import { defineTool } from '../tool.ts';

const MAX_ENTRIES = 50_000;

/** The files of the workspace whose path matches a pattern. */
export const globFiles = defineTool({
  name: 'glob_files',
  description:
    'Lists files of the workspace whose path matches a glob pattern, sorted: "*.md" in the top directory, "**/*.md" at any depth, "src/**" all below src, "{a,b}/*.txt". Links are not followed.',
  effect: 'none',
  timeoutMs: 30_000,
  input: z.strictObject({
    pattern: z.string().min(1).max(500).describe('Glob pattern, relative to the workspace.'),
    limit: z.int().min(1).max(2_000).default(200).describe('How many paths to list at most.'),
  }),
  async execute({ pattern, limit }, { workspace, signal }) {
    const matches = compileGlob(pattern.replace(/^(\/workspace\/|\.\/)/, ''));
    const { paths, complete } = await listInside(workspace, { maxEntries: MAX_ENTRIES, signal });
    const matching = paths.filter((path) => matches(path));
    const truncated = !complete || matching.length > limit;
    return {
      status: 'success',
      result: { files: matching.slice(0, limit), total: matching.length, truncated },
      truncated,
    };
  },
});
