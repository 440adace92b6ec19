import { RememberInput } from '@reeve/contract';
import { z } from 'zod';
import { defineTool, memoryOf, success } from '../tool.ts';

/** A fact for later runs. */
export const remember = defineTool({
  name: 'remember',
  description:
    'Stores a fact for later conversations. Write it so that it can be understood by itself, with names instead of "it" or "today". The same text is stored once.',
  effect: 'idempotent',
  timeoutMs: 30_000,
  input: z.strictObject({
    text: RememberInput.shape.text.describe('The fact, in a sentence or two.'),
    tags: RememberInput.shape.tags.describe('Words to find it by.'),
  }),
  execute: async (input, context) => success(await memoryOf(context).remember(input)),
});
