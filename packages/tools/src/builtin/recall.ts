import { RecallInput } from '@reeve/contract';
import { z } from 'zod';
import { defineTool, memoryOf, success } from '../tool.ts';

/** What was remembered and fits a query. */
export const recall = defineTool({
  name: 'recall',
  description:
    'Finds facts that were stored with remember, best match first. It matches words: use the words that the fact itself would use.',
  effect: 'none',
  timeoutMs: 30_000,
  input: z.strictObject({
    query: RecallInput.shape.query.describe('Words of what you look for.'),
    top_k: RecallInput.shape.top_k.describe('How many facts at most.'),
    tags: RecallInput.shape.tags.describe('Only facts that have all of these tags.'),
  }),
  execute: async (input, context) =>
    success({ matches: await memoryOf(context).recall({ ...input, kinds: ['memory'] }) }),
});
