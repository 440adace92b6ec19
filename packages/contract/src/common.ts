import { z } from 'zod';

/** An identifier: a UUID, version 7 where Reeve mints it. */
export const Id = z.uuid({ message: 'must be a UUID' }).toLowerCase();

/** RFC 3339, UTC. */
export const Time = z.iso.datetime({ offset: true, abort: true });

/** A time that a caller gives, in the years 1 to 9999 in UTC: the database knows no year 0, RFC 3339 none of five digits. */
export const TimeInput = Time.refine((text) => {
  const year = new Date(text).getUTCFullYear();
  return year >= 1 && year <= 9999;
}, 'must be in the years 1 to 9999');

/** Path parameters of routes about one resource. */
export const IdParams = z.strictObject({ id: Id });

/** A string that PostgreSQL can store: any text without NUL characters. */
export const text = (min: number, max: number) =>
  z
    .string()
    .min(min, `must be ${min} to ${max} characters`)
    .max(max, `must be ${min} to ${max} characters`)
    .refine((value) => !value.includes('\u0000'), 'must not contain NUL characters');

/** A persona by id or slug. */
export const PersonaRef = text(1, 100).regex(
  /^[A-Za-z0-9][A-Za-z0-9_-]*$/,
  'must be a persona’s id or slug: letters, digits, - and _',
);

/** A word that memories and documents are found by. */
export const Tag = text(1, 100);

/** The two ends of a time that something happened in; `what` begins their descriptions. */
export function timeRange(what: string) {
  return {
    from: TimeInput.optional().describe(`${what} at this time or later.`),
    to: TimeInput.optional().describe(`${what} before this time.`),
  };
}

/** A free-form JSON object. Keys and strings must not contain NUL, which PostgreSQL cannot store. */
export const JsonObject = z
  .record(z.string(), z.unknown())
  .refine((value) => !hasNul(value, 0), 'must not contain NUL characters or nest deeper than 64 levels');

function hasNul(value: unknown, depth: number): boolean {
  if (depth > 64) return true;
  if (typeof value === 'string') return value.includes('\u0000');
  if (Array.isArray(value)) return value.some((item) => hasNul(item, depth + 1));
  if (value !== null && typeof value === 'object')
    return Object.entries(value).some(([key, item]) => key.includes('\u0000') || hasNul(item, depth + 1));
  return false;
}

/** How an answer was found: by words alone, or by words and the vectors of an embedding model. */
export const Retrieval = z.enum(['lexical', 'hybrid']);
export type Retrieval = z.infer<typeof Retrieval>;

/** Paging of every list: `limit` 1 to 200, `offset` from 0. */
export const paging = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  offset: z.coerce.number().int().min(0).max(10_000_000).default(0),
};

/** The answer of every list: the items under their plural name, with the paging that was used. */
export function listOf<Name extends string, Item extends z.ZodType>(name: Name, item: Item) {
  const shape = {
    [name]: z.array(item),
    total: z.number().int(),
    limit: z.number().int(),
    offset: z.number().int(),
  } as Record<Name, z.ZodArray<Item>> & { total: z.ZodInt; limit: z.ZodInt; offset: z.ZodInt };
  return z.object(shape);
}

/** Tokens and money that something used. `cost_usd` is null where the price is not known. */
export const Usage = z
  .object({
    input_tokens: z.number().int(),
    output_tokens: z.number().int(),
    total_tokens: z.number().int(),
    cost_usd: z.string().nullable().describe('Decimal string in USD; null where no price is known.'),
    cached_tokens: z.number().int().optional().describe('Of the input: those that the provider had in its cache.'),
    reasoning_tokens: z.number().int().optional().describe('Of the output: those that went into reasoning.'),
  })
  .meta({ id: 'Usage' });
export type Usage = z.infer<typeof Usage>;
