import { z } from 'zod';
import { text } from '../common.ts';
import { defineRoute } from '../route.ts';
import { ModelName } from './completions.ts';
import { openAiFailures } from './wire-shapes.ts';

/** The longest text that is embedded, and the most texts of one request. */
const TEXT_LENGTH = 100_000;
const MAX_TEXTS = 2_048;

const Text = text(1, TEXT_LENGTH);

export const EmbeddingsRequest = z.object({
  input: z.union([Text, z.array(Text).min(1).max(MAX_TEXTS)], {
    error: `must be a text of 1 to ${TEXT_LENGTH} characters, or 1 to ${MAX_TEXTS} of them; tokens are not taken`,
  }),
  model: ModelName.nullish().describe('Only the embedding model of this server, by its name with or without provider.'),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.number().int().min(1).max(100_000).nullish().describe('Only those that the model has.'),
});
export type EmbeddingsRequest = z.infer<typeof EmbeddingsRequest>;

export const EmbeddingList = z
  .object({
    object: z.literal('list'),
    data: z.array(
      z.object({
        object: z.literal('embedding'),
        index: z.number().int(),
        embedding: z.union([z.array(z.number()), z.string()]).describe('Base64: 32-bit floats, little-endian.'),
      }),
    ),
    model: z.string(),
    usage: z.object({ prompt_tokens: z.number().int(), total_tokens: z.number().int() }),
  })
  .meta({ id: 'EmbeddingList' });
export type EmbeddingList = z.infer<typeof EmbeddingList>;

export const createEmbeddings = defineRoute({
  method: 'POST',
  path: '/v1/embeddings',
  tag: 'OpenAI: Embeddings',
  access: 'member',
  failures: openAiFailures,
  ignoresForeignTokens: true,
  summary: 'Texts as vectors, as OpenAI’s clients ask for them',
  description: 'By the model that EMBEDDING_PROVIDER and EMBEDDING_MODEL name; 400 where there is none.',
  body: EmbeddingsRequest,
  responses: { 200: EmbeddingList },
});
