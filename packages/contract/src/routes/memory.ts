import { z } from 'zod';
import { Id, IdParams, PersonaRef, Retrieval, Tag, Time, listOf, paging, text, timeRange } from '../common.ts';
import { defineRoute } from '../route.ts';

const tag = 'Memory';

export const RememberInput = z.strictObject({
  text: text(1, 20_000),
  tags: z.array(Tag).max(50).default([]),
  persona_id: PersonaRef.nullish().describe('By id or slug; left out or null: of no persona.'),
  ttl_s: z.number().int().min(1).max(315_360_000).nullish(),
});
export type RememberInput = z.infer<typeof RememberInput>;
export const remember = defineRoute({
  method: 'POST',
  path: '/api/v1/memory/remember',
  tag,
  access: 'member',
  creates: true,
  summary: 'Remember a text',
  description:
    'What says nothing that an older memory of the same persona does not say is stored once: `deduplicated` is true, the id is the older one’s, and its tags and time are those of both. What says something else about the same thing, or says the same and a little more, comes in the place of the older ones in `supersedes`, which stay. A text with a credential, or with what the tenant’s policy keeps out, is refused as `content_refused`.',
  body: RememberInput,
  responses: { 201: z.object({ id: Id, deduplicated: z.boolean(), supersedes: z.array(Id) }) },
});
const SupersededBy = Id.nullable().describe('The memory that came in the place of this one.');
export const RecallInput = z.strictObject({
  query: text(1, 2_000),
  top_k: z.number().int().min(1).max(100).default(5),
  persona_id: PersonaRef.nullish().describe('By id or slug; left out: all, null: what is of no persona.'),
  kinds: z
    .array(z.enum(['memory', 'message']))
    .min(1)
    .default(['memory']),
  tags: z.array(Tag).max(50).default([]).describe('Only what has all of them; messages have none.'),
  ...timeRange('Only what was remembered or said'),
  half_life_days: z
    .number()
    .min(0.01)
    .max(36_500)
    .optional()
    .describe('Of two that fit as well, one this much older counts half; left out: age decides only between equals.'),
});
export type RecallInput = z.infer<typeof RecallInput>;
export const RecallMatch = z
  .object({
    id: z.string(),
    kind: z.enum(['memory', 'message']),
    text: z.string(),
    score: z.number(),
    tags: z.array(z.string()),
    source: z.object({ session_id: Id.nullable(), run_id: Id.nullable() }),
    created_at: Time,
    superseded_by: SupersededBy,
  })
  .meta({ id: 'RecallMatch' });
export type RecallMatch = z.infer<typeof RecallMatch>;
/** Who ranked what was remembered. */
export const RecallBackend = z.enum(['built_in', 'external', 'fallback']);
export type RecallBackend = z.infer<typeof RecallBackend>;
export const recall = defineRoute({
  method: 'POST',
  path: '/api/v1/memory/recall',
  tag,
  access: 'viewer',
  summary: 'Find what was remembered',
  description:
    '`retrieval` says how: by words alone, or by words and vectors where there is an embedding model that answers. What came in the place of an older memory stands before it. `backend` says who ranked: the built-in memory; an external one (`SOMA_BASE_URL`); or the built-in one because the external one did not answer (`fallback`).',
  body: RecallInput,
  responses: { 200: z.object({ matches: z.array(RecallMatch), retrieval: Retrieval, backend: RecallBackend }) },
});
export const Memory = z
  .object({
    id: Id,
    tenant_id: z.string(),
    persona_id: Id.nullable(),
    text: z.string(),
    tags: z.array(z.string()),
    source: z.object({ session_id: Id.nullable(), run_id: Id.nullable() }),
    created_at: Time,
    expires_at: Time.nullable().describe('Null: never.'),
    superseded_by: SupersededBy,
  })
  .meta({ id: 'Memory' });
export type Memory = z.infer<typeof Memory>;

export const MemoryPatch = z
  .strictObject({
    text: text(1, 20_000).optional(),
    tags: z.array(Tag).max(50).optional(),
    ttl_s: z.number().int().min(1).max(315_360_000).nullable().optional().describe('From now; null: for ever.'),
    absorbs: z
      .array(Id)
      .max(10)
      .optional()
      .describe(
        'Memories of the same persona that become part of this one: they are deleted, and this one stands where they came in the place of others.',
      ),
  })
  .refine((patch) => Object.keys(patch).length > 0, 'give at least one field to change');
export type MemoryPatch = z.infer<typeof MemoryPatch>;

const OfPersona = PersonaRef.optional().describe('Only what this persona remembers, by id or slug.');

export const listMemories = defineRoute({
  method: 'GET',
  path: '/api/v1/memory',
  tag,
  access: 'viewer',
  summary: 'All that is remembered, the newest first',
  query: z.strictObject({
    ...paging,
    persona_id: OfPersona,
    tag: Tag.optional(),
  }),
  responses: { 200: listOf('memories', Memory) },
});
export const exportMemories = defineRoute({
  method: 'GET',
  path: '/api/v1/memory/export',
  tag,
  access: 'viewer',
  summary: 'All that is remembered as JSON Lines, the oldest first',
  description:
    'One `Memory` a line, with where it is from. The last line is `{"exported"}`, how many there were: a file without it was cut off.',
  query: z.strictObject({ persona_id: OfPersona }),
  responses: { 200: z.string() },
  produces: 'application/x-ndjson',
});
export const CleanupProposal = z
  .object({
    kind: z.enum(['superseded', 'contradicted', 'duplicate', 'stale']),
    memory_id: Id.describe('What could go.'),
    in_favor_of: Id.nullable().describe('What would stay in its place.'),
  })
  .meta({ id: 'CleanupProposal' });
export type CleanupProposal = z.infer<typeof CleanupProposal>;
export const proposeMemoryCleanup = defineRoute({
  method: 'GET',
  path: '/api/v1/memory/cleanup',
  tag,
  access: 'viewer',
  summary: 'Which memories could go',
  description:
    'A plan that changes nothing: memories that a newer one came in the place of (`superseded`) or contradicts (`contradicted`), those that say what an older one says (`duplicate`), and facts taken from conversations that are older than `stale_days` (`stale`). It looks at some memories at a time; `next` says where to go on with `after`.',
  query: z.strictObject({
    persona_id: OfPersona,
    after: Id.optional(),
    limit: paging.limit,
    stale_days: z.coerce.number().int().min(1).max(36_500).default(365),
  }),
  responses: {
    200: z.object({ proposals: z.array(CleanupProposal), looked_at: z.number().int(), next: Id.nullable() }),
  },
});
export const deleteMemories = defineRoute({
  method: 'DELETE',
  path: '/api/v1/memory',
  tag,
  access: 'admin',
  summary: 'Forget everything, or everything of a persona',
  description:
    'Really deletes the memories, with what they are found by. Sessions, documents and playbooks are not memories and stay.',
  query: z
    .strictObject({
      persona_id: OfPersona,
      all: z.literal('true', 'must be true').optional().describe('Of the whole tenant, of every persona and of none.'),
    })
    .refine(({ persona_id, all }) => (persona_id === undefined) !== (all === undefined), {
      path: ['persona_id'],
      message: 'give either persona_id or all=true',
    }),
  responses: { 200: z.object({ deleted: z.number().int() }) },
});
export const getMemory = defineRoute({
  method: 'GET',
  path: '/api/v1/memory/{id}',
  tag,
  access: 'viewer',
  summary: 'One memory',
  params: IdParams,
  responses: { 200: Memory },
});
export const updateMemory = defineRoute({
  method: 'PATCH',
  path: '/api/v1/memory/{id}',
  tag,
  access: 'member',
  summary: 'Change the fields sent of a memory',
  description: '409 `conflict` where another memory says the same.',
  params: IdParams,
  body: MemoryPatch,
  responses: { 200: Memory },
});
export const deleteMemory = defineRoute({
  method: 'DELETE',
  path: '/api/v1/memory/{id}',
  tag,
  access: 'member',
  summary: 'Forget a memory',
  params: IdParams,
  responses: { 204: null },
});
