import { ReeveError } from '@reeve/kit';
import { z } from 'zod';
import { MAX_WRITE_BYTES, Path, writeTextFile } from '../text-file.ts';
import { defineTool, success } from '../tool.ts';

/** A text file of the workspace, written whole. */
export const writeFile = defineTool({
  name: 'write_file',
  description:
    'Writes a text file of the workspace, replacing what it held; missing directories are made. To change part of a file, use edit_file.',
  effect: 'idempotent',
  timeoutMs: 30_000,
  input: z.strictObject({ path: Path, content: z.string().describe('The whole new content, at most 5 MiB.') }),
  async execute({ path, content }, context) {
    const bytes = Buffer.from(content);
    if (bytes.length > MAX_WRITE_BYTES)
      throw new ReeveError('invalid_request', `content: has ${bytes.length} bytes, and ${MAX_WRITE_BYTES} are allowed`);
    await writeTextFile(context, path, bytes);
    return success({ path, bytes_written: bytes.length });
  },
});
