import { z } from 'zod';
import {
  Id,
  IdParams,
  JsonObject,
  PersonaRef,
  Retrieval,
  Tag,
  Time,
  listOf,
  paging,
  text,
  timeRange,
} from '../common.ts';
import { defineRoute } from '../route.ts';
import { Slug } from './agents.ts';

const tag = 'Knowledge';

/** The knowledge bases of a persona that hold documents; the fifth, its Heart, is its sessions. */
export const KNOWLEDGE_BASES = ['Soul-KB', 'Domain-KB', 'Body-KB', 'Mind-KB'] as const;
export const KnowledgeBase = z.enum(KNOWLEDGE_BASES);
export type KnowledgeBase = z.infer<typeof KnowledgeBase>;

/** Characters of a persona's Soul, all its documents together: it stands whole in every prompt. */
export const MAX_SOUL = 20_000;
/** Characters of a text that comes as JSON; a file may have more. */
const MAX_TEXT = 500_000;
/** Characters of a document's title, which each of its chunks is found by. */
export const MAX_TITLE = 500;
/** Bytes of a file. */
export const MAX_DOCUMENT_BYTES = 50 * 1024 * 1024;

const counts = z.object(
  Object.fromEntries(KNOWLEDGE_BASES.map((base) => [base, z.int()])) as Record<KnowledgeBase, z.ZodInt>,
);

const fields = { name: text(1, 200), slug: Slug.optional(), description: text(0, 5_000).default('') };

export const PersonaInput = z.strictObject(fields).meta({ id: 'PersonaInput' });
export type PersonaInput = z.infer<typeof PersonaInput>;

export const PersonaPatch = z
  .strictObject({ name: fields.name.optional(), slug: Slug.optional(), description: text(0, 5_000).optional() })
  .refine((patch) => Object.keys(patch).length > 0, 'give at least one field to change');
export type PersonaPatch = z.infer<typeof PersonaPatch>;

export const Persona = z
  .object({
    id: Id,
    tenant_id: z.string(),
    slug: z.string(),
    name: z.string(),
    description: z.string(),
    documents: counts.describe('How many documents each of its knowledge bases has.'),
    agents: z.int().describe('How many agents have it.'),
    created_by: z.string().describe('A user id.'),
    created_at: Time,
    updated_at: Time,
  })
  .meta({ id: 'Persona' });
export type Persona = z.infer<typeof Persona>;

const Tags = z
  .union([
    z.array(Tag),
    text(0, 5_000).transform((list) =>
      list
        .split(',')
        .map((one) => one.trim())
        .filter(Boolean),
    ),
  ])
  .pipe(z.array(Tag).max(50))
  .describe('A list; in a form a text with commas between them, or the field again for each.');

export const DocumentInput = z
  .strictObject({
    text: text(1, MAX_TEXT).optional().describe('What it says, as Markdown; left out where a file is sent.'),
    title: text(1, MAX_TITLE).optional().describe('By default what the text or the file calls itself.'),
    source: text(1, 1_000)
      .optional()
      .describe('Where it comes from: a path, an address. The next one from the same source replaces it.'),
    tags: Tags.default([]),
  })
  .meta({ id: 'DocumentInput' });
export type DocumentInput = z.infer<typeof DocumentInput>;

export const KnowledgeDocument = z
  .object({
    id: Id,
    tenant_id: z.string(),
    persona_id: Id,
    knowledge_base: KnowledgeBase,
    title: z.string().nullable(),
    source: z.string().nullable(),
    tags: z.array(z.string()),
    media_type: z.string(),
    size: z.int().describe('Bytes, as it was sent.'),
    sha256: z.string().describe('Of those bytes.'),
    chunk_count: z.int(),
    created_by: z.string().describe('A user id.'),
    created_at: Time,
    updated_at: Time.describe('When its content last changed.'),
  })
  .meta({ id: 'KnowledgeDocument' });
export type KnowledgeDocument = z.infer<typeof KnowledgeDocument>;

export const KnowledgeChunk = z
  .object({
    id: Id,
    position: z.int().describe('From 1.'),
    text: z.string(),
    headings: z.array(z.string()).describe('The headings that it stands under, outermost first.'),
    page: z.int().nullable(),
  })
  .meta({ id: 'KnowledgeChunk' });
export type KnowledgeChunk = z.infer<typeof KnowledgeChunk>;

export const KnowledgeMatch = z
  .object({
    id: Id.describe('Of the chunk.'),
    document_id: Id,
    persona_id: Id,
    knowledge_base: KnowledgeBase,
    title: z.string().nullable(),
    headings: z.array(z.string()),
    text: z.string(),
    score: z.number(),
    source: z.string().nullable(),
    position: z.int(),
    page: z.int().nullable(),
    tags: z.array(z.string()),
  })
  .meta({ id: 'KnowledgeMatch' });
export type KnowledgeMatch = z.infer<typeof KnowledgeMatch>;

const PersonaParams = z.strictObject({ id: PersonaRef });
const BaseParams = z.strictObject({ id: PersonaRef, kb: KnowledgeBase });
const DocumentParams = z.strictObject({ id: PersonaRef, kb: KnowledgeBase, document_id: Id });
const BASE = '/api/v1/personas/{id}/kbs/{kb}';

export const createPersona = defineRoute({
  method: 'POST',
  path: '/api/v1/personas',
  tag,
  access: 'operator',
  creates: true,
  summary: 'Create a persona, with empty knowledge bases',
  description: 'Without a `slug` it gets one after its name.',
  body: PersonaInput,
  responses: { 201: Persona },
});
export const listPersonas = defineRoute({
  method: 'GET',
  path: '/api/v1/personas',
  tag,
  access: 'viewer',
  summary: 'Personas, by name',
  query: z.strictObject({ ...paging, q: text(1, 200).optional() }),
  responses: { 200: listOf('personas', Persona) },
});
export const getPersona = defineRoute({
  method: 'GET',
  path: '/api/v1/personas/{id}',
  tag,
  access: 'viewer',
  summary: 'One persona, by id or slug',
  params: PersonaParams,
  responses: { 200: Persona },
});
export const updatePersona = defineRoute({
  method: 'PATCH',
  path: '/api/v1/personas/{id}',
  tag,
  access: 'operator',
  summary: 'Change the fields sent of a persona',
  params: PersonaParams,
  body: PersonaPatch,
  responses: { 200: Persona },
});
export const deletePersona = defineRoute({
  method: 'DELETE',
  path: '/api/v1/personas/{id}',
  tag,
  access: 'operator',
  summary: 'Delete a persona with its knowledge bases, memories and playbooks',
  description: '409 `conflict` while an agent has it. Sessions stay.',
  params: PersonaParams,
  responses: { 204: null },
});

export const addDocument = defineRoute({
  method: 'POST',
  path: `${BASE}/documents`,
  tag,
  access: 'member',
  creates: true,
  summary: 'Add a document: a text, or a file in a form',
  description:
    'It is read, cut into chunks and searchable when this answers. The same content is stored once in a knowledge base: `deduplicated` is true then, and nothing changed. Content from a `source` that is known replaces what came from it before. A Soul may have 20,000 characters in all, and takes an operator to change.',
  params: BaseParams,
  body: DocumentInput,
  takesFile: { maxBytes: MAX_DOCUMENT_BYTES },
  responses: { 201: KnowledgeDocument.extend({ deduplicated: z.boolean(), replaced: z.boolean() }) },
});
export const listDocuments = defineRoute({
  method: 'GET',
  path: `${BASE}/documents`,
  tag,
  access: 'viewer',
  summary: 'Documents of a knowledge base, the latest changed first',
  params: BaseParams,
  query: z.strictObject({
    ...paging,
    q: text(1, 200).optional().describe('Part of the title or the source.'),
    source_prefix: text(1, 1_000).optional().describe('How the source begins.'),
  }),
  responses: { 200: listOf('documents', KnowledgeDocument) },
});
export const getDocument = defineRoute({
  method: 'GET',
  path: `${BASE}/documents/{document_id}`,
  tag,
  access: 'viewer',
  summary: 'One document',
  params: DocumentParams,
  responses: { 200: KnowledgeDocument },
});
export const listChunks = defineRoute({
  method: 'GET',
  path: `${BASE}/documents/{document_id}/chunks`,
  tag,
  access: 'viewer',
  summary: 'The chunks of a document, in order: all of its text',
  params: DocumentParams,
  query: z.strictObject(paging),
  responses: { 200: listOf('chunks', KnowledgeChunk) },
});
export const deleteDocument = defineRoute({
  method: 'DELETE',
  path: `${BASE}/documents/{document_id}`,
  tag,
  access: 'member',
  summary: 'Delete a document with its chunks',
  description: 'Of a Soul it takes an operator.',
  params: DocumentParams,
  responses: { 204: null },
});

const found = z.object({ matches: z.array(KnowledgeMatch), retrieval: Retrieval });
const asked = {
  query: text(1, 2_000),
  top_k: z.int().min(1).max(100).default(5),
  tags: z.array(Tag).max(50).default([]).describe('Only documents that have all of them.'),
  ...timeRange('Only documents whose content last changed'),
};

export const searchKnowledge = defineRoute({
  method: 'POST',
  path: `${BASE}/search`,
  tag,
  access: 'viewer',
  summary: 'Search a knowledge base',
  params: BaseParams,
  body: z.strictObject(asked),
  responses: { 200: found },
});

export const RagContextInput = z.strictObject({
  ...asked,
  knowledge_bases: z.array(KnowledgeBase).min(1).max(4).default(['Domain-KB', 'Body-KB', 'Mind-KB']),
  persona_id: PersonaRef.nullish().describe('By id or slug; left out or null: all personas of your tenant.'),
});
export type RagContextInput = z.infer<typeof RagContextInput>;
export const getRagContext = defineRoute({
  method: 'POST',
  path: '/api/v1/rag/context',
  tag,
  access: 'viewer',
  summary: 'What knowledge bases say about something, best first',
  description: 'The Soul stands whole in every prompt by itself and is searched only where it is asked for.',
  body: RagContextInput,
  responses: { 200: found },
});

export const Playbook = z
  .object({
    id: Id,
    tenant_id: z.string(),
    persona_id: Id.nullable().describe('Null: learnt by agents without a persona, and offered to them.'),
    goal: z.string(),
    steps: z
      .array(z.object({ tool: z.string(), args: z.record(z.string(), z.string()) }))
      .describe('The calls that reached the goal, in order: without secrets, long values cut.'),
    successes: z.int(),
    failures: z.int().describe('Runs that were shown it, began as it says, and failed.'),
    run_id: Id.nullable().describe('The latest run that it worked in.'),
    session_id: Id.nullable(),
    created_at: Time,
    last_success_at: Time,
  })
  .meta({ id: 'Playbook' });
export type Playbook = z.infer<typeof Playbook>;

const HistoryStep = z.union([
  z.strictObject({ tool: text(1, 100), args: JsonObject.default({}) }),
  z.strictObject({
    role: z.enum(['user', 'assistant', 'tool-plan', 'tool-output', 'system']),
    content: text(0, 200_000),
  }),
]);
export const storePlaybook = defineRoute({
  method: 'POST',
  path: '/memory/playbook',
  tag,
  access: 'member',
  summary: 'Keep what worked, to be offered when something alike is asked for',
  description:
    'Runs that used tools and completed are kept by themselves. `history_sequence` holds the calls in order, as `{tool, args}`, or the messages of a session: of these the `tool-plan` ones count, whose content is JSON with `name` and `input`. What is alike is kept once; `merged` says so.',
  body: z.strictObject({
    session_id: Id,
    prompt: text(1, 20_000).describe('The goal.'),
    history_sequence: z.array(HistoryStep).min(1).max(1_000),
    persona_id: PersonaRef.nullish(),
  }),
  responses: { 200: z.object({ id: Id, merged: z.boolean() }) },
});
export const listPlaybooks = defineRoute({
  method: 'GET',
  path: '/api/v1/playbooks',
  tag,
  access: 'viewer',
  summary: 'Playbooks, the latest success first',
  query: z.strictObject({ ...paging, persona_id: PersonaRef.optional() }),
  responses: { 200: listOf('playbooks', Playbook) },
});
export const deletePlaybook = defineRoute({
  method: 'DELETE',
  path: '/api/v1/playbooks/{id}',
  tag,
  access: 'member',
  summary: 'Delete a playbook',
  params: IdParams,
  responses: { 204: null },
});
