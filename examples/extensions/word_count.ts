import { readFile } from 'node:fs/promises';
import { defineTool } from '@reeve/client';
import { z } from 'zod';

/** Counts the words of a text, or of a file of the workspace. */
export const wordCount = defineTool({
  name: 'word_count',
  description:
    'Counts lines, words and characters of `text`, or of the text file of the workspace at `path`. Use it where a length matters, such as "at most 200 words".',
  effect: 'none',
  input: z
    .strictObject({
      text: z.string().max(500_000).optional().describe('The text itself.'),
      path: z.string().min(1).optional().describe('Path of a file in the workspace, such as "notes/today.md".'),
    })
    .refine(({ text, path }) => (text === undefined) !== (path === undefined), 'give either text or path'),
  timeoutMs: 10_000,
  async execute({ text, path }) {
    const counted = text ?? (await readFile(path!, 'utf8'));
    return {
      lines: counted === '' ? 0 : counted.split('\n').length,
      words: counted.split(/\s+/).filter((word) => word !== '').length,
      characters: [...counted].length,
    };
  },
});
