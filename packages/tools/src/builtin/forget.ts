import { Id } from '@reeve/contract';
import { z } from 'zod';
import { defineTool, memoryOf, success } from '../tool.ts';

/** Deletes what was remembered. */
export const forget = defineTool({
  name: 'forget',
  description:
    'Deletes a fact that was stored with remember, for good, by the id that recall gives it. Only where the user asks for it, or where the fact is wrong. forgotten is false where there is no such fact.',
  effect: 'idempotent',
  timeoutMs: 30_000,
  input: z.strictObject({ id: Id.describe('The id of the fact, from recall.') }),
  execute: async ({ id }, context) => success({ forgotten: await memoryOf(context).forget(id) }),
});
