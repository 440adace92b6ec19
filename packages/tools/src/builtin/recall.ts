import { RecallInput } from '@reeve/contract';
import { z } from 'zod';
import { defineTool, memoryOf, success } from '../tool.ts';

/** What was remembered and fits a query. */
export const recall = defineTool({
  name: 'recall',
  description:
    'Finds facts that were stored with remember, best match first, by words and, where there is an embedding model or an external memory, by what they mean. Use the words that the fact itself would use: they find it in any case. An answer with `backend: "fallback"` was made without the external memory and may lack facts that are found by meaning.',
  effect: 'none',
  timeoutMs: 30_000,
  input: z.strictObject({
    query: RecallInput.shape.query.describe('Words of what you look for.'),
    top_k: RecallInput.shape.top_k.describe('How many facts at most.'),
    tags: RecallInput.shape.tags.describe('Only facts that have all of these tags.'),
  }),
  execute: async (input, context) => {
    const { matches, backend } = await memoryOf(context).recall({ ...input, kinds: ['memory'] });
    return success({ matches, ...(backend === 'fallback' && { backend }) });
  },
});
