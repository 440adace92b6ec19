import { ReeveError } from '@reeve/kit';
import { z } from 'zod';
import { MAX_WRITE_BYTES, Path, readTextFile, writeTextFile } from '../text-file.ts';
import { defineTool, success } from '../tool.ts';

/** One exact replacement in a text file. Repeating it could apply it twice, so it counts as an outside effect. */
export const editFile = defineTool({
  name: 'edit_file',
  description:
    'Replaces `old_text` by `new_text` in a text file of the workspace. `old_text` must be copied exactly, spaces and line breaks included, and must occur exactly once; give more of the text around it, or set `replace_all`.',
  effect: 'external',
  timeoutMs: 30_000,
  input: z.strictObject({
    path: Path,
    old_text: z.string().min(1, 'must not be empty').describe('The exact text to replace.'),
    new_text: z.string().describe('What to put in its place.'),
    replace_all: z.boolean().default(false).describe('Replace every occurrence.'),
  }),
  async execute({ path, old_text, new_text, replace_all }, context) {
    if (old_text === new_text)
      throw new ReeveError('invalid_request', 'old_text and new_text are the same: there is nothing to change');
    const before = await readTextFile(context.workspace, path, MAX_WRITE_BYTES);
    const parts = before.split(old_text);
    const found = parts.length - 1;
    if (found === 0)
      throw new ReeveError(
        'invalid_request',
        `old_text does not occur in ${JSON.stringify(path)}; read the file and copy the text exactly`,
      );
    if (found > 1 && !replace_all) {
      throw new ReeveError(
        'invalid_request',
        `old_text occurs ${found} times in ${JSON.stringify(path)}; give more of the text around it, or set replace_all`,
      );
    }
    const bytes = Buffer.from(parts.join(new_text));
    if (bytes.length > MAX_WRITE_BYTES)
      throw new ReeveError(
        'invalid_request',
        `the file would have ${bytes.length} bytes, and ${MAX_WRITE_BYTES} are allowed`,
      );
    await writeTextFile(context, path, bytes);
    return success({ path, replacements: found });
  },
});
