/*
 * Postings: which entries of a space have a term, how often, and how long those entries are. A block is a row of bytes, entry by
 * entry in ascending order, each of them:
 *
 *   varint (how much higher its number is than the one before) × 4 + (frequency − 1, at most 3)
 *   varint (frequency − 4), where that was 3
 *   byte   the code of its length
 */

/** One entry's part in a term's postings. `frequency` is at least 1; fields count as often as their weight says. */
export interface Posting {
  readonly entry: number;
  readonly frequency: number;
  /** See `lengthCode`. */
  readonly code: number;
}

/** Highest number of an entry: four times it fits into 32 bits. */
export const MOST_ENTRIES = 2 ** 30 - 1;

const EXACT = 64;
const STEP = 1.06;

/** The lengths that the 256 codes stand for: up to 63 as they are, then in steps of 6 %. */
const LENGTHS = Float64Array.from({ length: 256 }, (_, code) =>
  code < EXACT ? code : Math.round(EXACT * STEP ** (code - EXACT)),
);

/** The code of the nearest length. */
export function lengthCode(length: number): number {
  let [low, high] = [0, LENGTHS.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (LENGTHS[middle - 1]! + LENGTHS[middle]! <= 2 * length) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The length that a code stands for. */
export function lengthOf(code: number): number {
  return LENGTHS[code]!;
}

/** Most bytes of a block: four rows of them fill a page of the database. */
const BLOCK_BYTES = 1_900;
/** Most bytes that stay beside a term and are written anew with each text that has it. */
const TAIL_BYTES = 480;

/** Writes postings, which are in ascending order, as one block. */
export function encodePostings(postings: readonly Posting[]): Uint8Array {
  const bytes: number[] = [];
  let last = 0;
  for (const posting of postings) {
    writePosting(bytes, posting, last);
    last = posting.entry;
  }
  return Uint8Array.from(bytes);
}

/** Writes postings, which are in ascending order, as blocks that nothing is added to, each with its first entry, and what is left for more. */
export function packPostings(postings: readonly Posting[]): {
  full: { first: number; data: Uint8Array }[];
  tail: Uint8Array;
} {
  const full: { first: number; data: Uint8Array }[] = [];
  let bytes: number[] = [];
  let [first, last] = [postings[0]?.entry ?? 0, 0];
  for (const posting of postings) {
    if (bytes.length >= BLOCK_BYTES) {
      full.push({ first, data: Uint8Array.from(bytes) });
      bytes = [];
      [first, last] = [posting.entry, 0];
    }
    writePosting(bytes, posting, last);
    last = posting.entry;
  }
  if (bytes.length <= TAIL_BYTES) return { full, tail: Uint8Array.from(bytes) };
  full.push({ first, data: Uint8Array.from(bytes) });
  return { full, tail: new Uint8Array() };
}

function writePosting(bytes: number[], { entry, frequency, code }: Posting, last: number): void {
  writeVarint(bytes, (entry - last) * 4 + Math.min(frequency - 1, 3));
  if (frequency > 3) writeVarint(bytes, frequency - 4);
  bytes.push(code);
}

/** Calls `read` for each posting of a block in their order. */
export function eachPosting(block: Uint8Array, read: (entry: number, frequency: number, code: number) => void): void {
  let [at, entry] = [0, 0];
  const { length } = block;
  while (at < length) {
    let byte = block[at++]!;
    let value = byte & 127;
    for (let scale = 128; byte > 127; scale *= 128) {
      byte = block[at++]!;
      value += (byte & 127) * scale;
    }
    entry += Math.floor(value / 4);
    let frequency = (value & 3) + 1;
    if (frequency === 4) {
      for (let scale = 1; ; scale *= 128) {
        byte = block[at++]!;
        frequency += (byte & 127) * scale;
        if (byte < 128) break;
      }
    }
    read(entry, frequency, block[at++]!);
  }
}

/** The postings of a block. */
export function decodePostings(block: Uint8Array): Posting[] {
  const postings: Posting[] = [];
  eachPosting(block, (entry, frequency, code) => void postings.push({ entry, frequency, code }));
  return postings;
}

/** Ascending whole numbers as differences. */
export function encodeNumbers(numbers: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  let last = 0;
  for (const number of numbers) {
    writeVarint(bytes, number - last);
    last = number;
  }
  return Uint8Array.from(bytes);
}

/** What `encodeNumbers` wrote. */
export function decodeNumbers(bytes: Uint8Array): number[] {
  const numbers: number[] = [];
  let [last, value, scale] = [0, 0, 1];
  for (const byte of bytes) {
    value += (byte & 127) * scale;
    scale *= 128;
    if (byte > 127) continue;
    numbers.push((last += value));
    [value, scale] = [0, 1];
  }
  return numbers;
}

function writeVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}
