import type { Database } from '@reeve/db';
import { measured, percentile, type BenchOptions, type Measured, type Measurements } from '../measure.ts';
import { ensurePeers } from '../peers.ts';
import { kindsOf, type Kind } from '../place.ts';
import { makeChunks, readCollections, type Collection } from './collections.ts';
import type { Contender } from './contender.ts';
import { openEmbedded } from './contenders/embedded.ts';
import { openFullText, RANKINGS } from './contenders/full-text.ts';
import { openReeve } from './contenders/reeve.ts';
import { openPlace } from './place.ts';
import { measureQuality, type Quality } from './quality.ts';
import { build, latencyFigures, measureLatency, measureRemember } from './speed.ts';

type Figures = Record<string, Measured>;

const QUALITY_GOALS: Readonly<Record<string, number>> = { cranfield: 0.52, cisi: 0.4 };
/** The ranking that is measured for speed: the best of the full-text search on both collections. */
const FULL_TEXT = { name: 'ts_rank', normalization: 1 };
const P95_MS: Readonly<Record<Kind, number>> = { pglite: 40, postgres: 30 };
const LONG_QUERY = 2_000;
/** Chunks from which on a query of the full-text search may take seconds. */
const MANY = 100_000;

/**
 * What Reeve's lexical index finds, and how fast, beside PostgreSQL's full-text search on the same databases, MiniSearch and Orama.
 * Quality on two judged collections; speed on chunks that are made of their sentences: as many as REEVE_RETRIEVAL_SIZES says, else
 * 1,000 (`--quick`), or 1,000, 100,000 and 1,000,000. `--quick` takes one ranking of the full-text search, the best, instead of all.
 */
export async function bench(options: BenchOptions): Promise<Measurements> {
  await ensurePeers(import.meta.dirname);
  const collections = readCollections();
  const figures: Figures = {};
  const ratios: Figures = {};
  for (const collection of collections)
    await inTurn(collection.name, () => benchQuality(options, collection, { figures, ratios }));
  const usual = options.quick ? '1000' : '1000,100000,1000000';
  for (const size of (process.env['REEVE_RETRIEVAL_SIZES'] ?? usual).split(',').map(Number))
    for (const kind of kindsOf(options))
      await inTurn(`${size} chunks on ${kind}`, () => benchSpeed(kind, size, collections, { figures, ratios }));
  return { ratios, figures };
}

async function inTurn(section: string, measure: () => Promise<void>): Promise<void> {
  const begun = performance.now();
  await measure();
  console.error(`${section}: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
}

async function benchQuality(
  options: BenchOptions,
  collection: Collection,
  { figures, ratios }: { figures: Figures; ratios: Figures },
): Promise<void> {
  const { name, documents } = collection;
  const qualities: [string, Quality][] = [];
  const measure = async (contender: Contender, added = false) => {
    if (!added) await contender.add(documents);
    const quality = await measureQuality(contender, collection);
    qualities.push([contender.name, quality]);
    return quality;
  };
  const ours: Quality[] = [];
  let best: { name: string; quality: Quality } | undefined;
  for (const kind of kindsOf(options)) {
    await using database = await openPlace(kind);
    ours.push(await measure(await openReeve(database)));
    if (best !== undefined) continue;
    const rankings = options.quick ? [FULL_TEXT] : RANKINGS;
    for (const [index, ranking] of rankings.entries()) {
      const contender = await openFullText(database, ranking);
      if (index === 0) await contender.add(documents);
      const quality = await measureQuality(contender, collection);
      if (best === undefined || quality.ndcg > best.quality.ndcg) best = { name: contender.name, quality };
    }
  }
  qualities.push([`best of full text, ${best!.name}`, best!.quality]);
  const { createMiniSearch, createOrama } = await import('./contenders/in-memory.ts');
  for (const create of [createMiniSearch, createOrama])
    for (const tuned of options.quick ? [true] : [false, true]) await measure(create(tuned));
  for (const quality of await measureEmbedded(collection)) qualities.push(quality);
  for (const [contender, { ndcg, recall }] of qualities) {
    const goal = contender.startsWith('Reeve on') ? { atLeast: QUALITY_GOALS[name]! } : undefined;
    figures[`${name}: ${contender}, nDCG@10`] = measured([ndcg], '', goal);
    figures[`${name}: ${contender}, recall@10`] = measured([recall], '');
  }
  ratios[`${name}: nDCG@10, Reeve / best of full text`] = measured([ours[0]!.ndcg / best!.quality.ndcg], '×', {
    atLeast: 1.13,
  });
  const [first, second] = ours;
  if (first === undefined || second === undefined) return;
  const same = first.found.filter((found, query) => found.join() === second.found[query]!.join()).length;
  figures[`${name}: the same top ten on both databases`] = measured([(100 * same) / first.found.length], '%', {
    atLeast: 100,
  });
}

/** With the embedding model whose folder REEVE_RETRIEVAL_MODEL names; nothing where it names none. */
async function measureEmbedded(collection: Collection): Promise<[string, Quality][]> {
  const folder = process.env['REEVE_RETRIEVAL_MODEL'];
  if (folder === undefined) return [];
  await using database = await openPlace('pglite');
  await using embedded = await openEmbedded(database, folder);
  await embedded.hybrid.add(collection.documents);
  const qualities: [string, Quality][] = [];
  for (const contender of [embedded.alone, embedded.hybrid])
    qualities.push([contender.name, await measureQuality(contender, collection)]);
  return qualities;
}

async function benchSpeed(
  kind: Kind,
  size: number,
  collections: readonly Collection[],
  { figures, ratios }: { figures: Figures; ratios: Figures },
): Promise<void> {
  await using database: Database = await openPlace(kind);
  const contenders = [await openReeve(database), await openFullText(database, FULL_TEXT)];
  const make = (from: number, count: number) => makeChunks(collections, count, from);
  const at = `${size.toLocaleString('en-US')} chunks on ${kind}`;
  for (const contender of contenders) {
    const { seconds, bytes } = await build(contender, size, make);
    const isOurs = contender === contenders[0];
    figures[`${at}: ${contender.name} builds`] = measured(
      [size / seconds],
      'chunks/s',
      isOurs ? { atLeast: 1_000 } : undefined,
    );
    const share = (await contender.bytes!()) / bytes;
    figures[`${at}: ${contender.name}, index ÷ text`] = measured([share], '×', isOurs ? { atMost: 0.6 } : undefined);
  }
  const short = collections[0]!.queries.slice(0, size < MANY ? 100 : 30).map(({ text }) => text);
  const latency = await measureLatency(contenders, short);
  for (const [contender, times] of latency)
    Object.assign(
      figures,
      latencyFigures(`${at}: ${contender.name}`, times, contender === contenders[0] ? P95_MS[kind] : undefined),
    );
  const [ours, theirs] = [...latency.values()].map((times) => percentile(times, 50));
  ratios[`${at}: p50, full text / Reeve`] = measured(
    [theirs! / ours!],
    '×',
    size >= MANY ? { atLeast: 30 } : undefined,
  );
  const long = collections[1]!.documents
    .slice(0, 30)
    .map(({ text }) => text.padEnd(LONG_QUERY, text).slice(0, LONG_QUERY));
  const prompts = await measureLatency(contenders.slice(0, 1), long);
  Object.assign(figures, latencyFigures(`${at}: Reeve, query of 2,000 characters`, prompts.get(contenders[0]!)!));
  const exact = Array.from({ length: 30 }, (_, n) => `chunk${Math.floor((n * size) / 30)}`);
  const names = await measureLatency(contenders.slice(0, 1), exact);
  Object.assign(figures, latencyFigures(`${at}: Reeve, a name`, names.get(contenders[0]!)!));
  const texts = make(size, 200).map(({ text }) => text.slice(0, 300));
  Object.assign(figures, latencyFigures(`${at}: remember`, await measureRemember(database, texts), 25));
}
