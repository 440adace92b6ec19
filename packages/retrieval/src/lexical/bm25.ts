import { lengthOf } from './postings.ts';

/*
 * Okapi BM25 (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009) over weighted fields: frequencies and lengths
 * are those of the fields times their weights, added up before they saturate.
 */

const K1 = 1.2;
/** How much a text's length counts: long documents say more things, long turns of a conversation are just longer. */
const B = { document: 0.75, turn: 0.4 };

/** What a term is worth that `count` of `total` texts have; above 0, also where all have it. */
export function inverseFrequency(count: number, total: number): number {
  return Math.log(1 + (Math.max(total, count) - count + 0.5) / (count + 0.5));
}

/** What frequencies are weighed against, for each code of a length, in spaces of a kind whose texts have that length on average. */
export function saturations(kind: string, averageLength: number): Float64Array {
  const b = kind === 'message' ? B.turn : B.document;
  return Float64Array.from({ length: 256 }, (_, code) => K1 * (1 - b + (b * lengthOf(code)) / averageLength));
}

/** What a frequency is worth, from 0 to K1 + 1; `saturation` is that of the text's length. */
export function frequencyScore(frequency: number, saturation: number): number {
  return (frequency * (K1 + 1)) / (frequency + saturation);
}
