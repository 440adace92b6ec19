import { readSettingsFile, type Log } from '@reeve/kit';
import type { Price } from '@reeve/ledger';
import { z } from 'zod';
import { qualifiedName } from './model-name.ts';
import type { ModelInfo } from './model.ts';
import type { CalledModel, Target } from './targets.ts';

/** The table of models: context windows, output limits and prices. */
export interface Catalog {
  /** A default output limit, no context window and no price for an unknown model. */
  describe(target: CalledModel): ModelInfo;
  knows(target: CalledModel): boolean;
  /** The models that generate text and are named without a wildcard. */
  names(): Target[];
  /** The table's limit on concurrent calls to a model. */
  maxConcurrencyOf(target: CalledModel): number | undefined;
  /** The price of a model. Warns once for each model without a known price. */
  priceOf(target: CalledModel): Price | null;
}

/** Limits of a model that is not in the table. */
const DEFAULTS = { contextTokens: null, maxOutputTokens: 8_192, takesImages: null, price: null } as const;

const usd = z.number('it must be a number of US dollars').min(0, 'it must not be negative');
const tokens = z.number('it must be a number of tokens').int('it must be a whole number of tokens');
const Entry = z.strictObject({
  context_tokens: tokens.min(1, 'it must be at least 1').optional(),
  max_output_tokens: tokens.min(0, 'it must not be negative'),
  images: z.boolean('it must be true or false').optional(),
  max_concurrency: z
    .number('it must be a number of calls')
    .int('it must be a whole number of calls')
    .min(1, 'it must be at least 1')
    .max(1_000, 'it must be at most 1000')
    .optional(),
  usd_per_million: z
    .strictObject(
      { input: usd, cached_input: usd.optional(), output: usd },
      'it must give input and output, or be null',
    )
    .nullable(),
});
const Table = z.strictObject(
  {
    models: z.record(
      z.string().regex(/^[^/]+\/.+$/, 'a model is named provider/model, with * for any text'),
      Entry,
      'it must be a mapping of models',
    ),
  },
  'it must hold a mapping named models',
);

/**
 * Reads the table of models. Exact names take precedence over patterns, then the first matching pattern wins. Throws
 * `invalid_request` naming file, line and field where the table is broken.
 */
export function openCatalog(path: string, log: Log): Catalog {
  const entries = Object.entries(readSettingsFile('REEVE_MODELS_FILE', path, Table).models).map(([name, entry]) => ({
    name,
    ...infoOf(entry),
  }));
  const exact = new Map(entries.map((entry) => [entry.name, entry]));
  const patterns = entries
    .filter(({ name }) => name.includes('*'))
    .map((entry) => ({ entry, test: globOf(entry.name) }));
  const warned = new Set<string>();
  const find = ({ provider, model }: CalledModel) => {
    const name = `${provider}/${model}`;
    return exact.get(name) ?? patterns.find(({ test }) => test.test(name))?.entry;
  };
  const describe = (target: CalledModel): ModelInfo => {
    const { contextTokens, maxOutputTokens, takesImages, price } = find(target) ?? DEFAULTS;
    return { id: qualifiedName(target), provider: target.provider, contextTokens, maxOutputTokens, takesImages, price };
  };
  return {
    describe,
    maxConcurrencyOf: (target) => find(target)?.maxConcurrency,
    knows: (target) => find(target) !== undefined,
    names: () => entries.filter((entry) => !entry.name.includes('*') && entry.maxOutputTokens > 0).map(targetOf),
    priceOf(target) {
      const { id, price } = describe(target);
      // Names come from requests, so the set is bounded.
      if (price === null && !warned.has(id) && warned.size < 1_000) {
        warned.add(id);
        log.warn(
          { model: id, file: path },
          'the price of this model is not known, so its calls have no cost: add it to the table of models',
        );
      }
      return price;
    },
  };
}

function targetOf({ name }: { readonly name: string }): Target {
  const slash = name.indexOf('/');
  return { provider: name.slice(0, slash) as Target['provider'], model: name.slice(slash + 1) };
}

function infoOf({
  context_tokens,
  max_output_tokens,
  images,
  max_concurrency,
  usd_per_million,
}: z.infer<typeof Entry>) {
  return {
    contextTokens: context_tokens ?? null,
    maxOutputTokens: max_output_tokens,
    takesImages: images ?? null,
    maxConcurrency: max_concurrency,
    price: priceFrom(usd_per_million),
  };
}

function priceFrom(usdPerMillion: z.infer<typeof Entry>['usd_per_million']): Price | null {
  if (usdPerMillion === null) return null;
  const { input, cached_input: cached = input, output } = usdPerMillion;
  return { inputNano: nano(input), cachedInputNano: nano(cached), outputNano: nano(output) };
}

/** Dollars for a million tokens as billionths of a dollar for one; rounded, since 0.07 has no exact representation. */
function nano(usdPerMillion: number): number {
  return Math.round(usdPerMillion * 1e9) / 1e6;
}

function globOf(pattern: string): RegExp {
  return new RegExp(`^${pattern.split('*').map(RegExp.escape).join('.*')}$`, 's');
}
