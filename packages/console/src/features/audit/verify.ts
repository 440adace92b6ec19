import type { ChainBreak, ChainVerification } from '@reeve/contract';

/** How far a verification is. */
export interface VerifyProgress {
  readonly checked: number;
  /** Rows in all; 0 until it is known. */
  readonly total: number;
}

/** What a verification came to. */
export interface Verdict {
  readonly checked: number;
  readonly head: ChainVerification['head'];
  readonly unsealed: number;
  /** The first thing that is wrong; undefined: the log is whole. */
  readonly broken: ChainBreak | undefined;
}

/**
 * Looks at the whole chain piece by piece, so that it can be told how far it is: `look` is given the number to begin at and answers for
 * some rows from there. Ends at the first thing that is wrong.
 */
export async function verifyAll(
  look: (from: number) => Promise<ChainVerification>,
  onProgress: (progress: VerifyProgress) => void,
): Promise<Verdict> {
  let checked = 0;
  for (let from = 1; ;) {
    const { checked: more, head, unsealed, next, first_broken: broken } = await look(from);
    checked += more;
    onProgress({ checked, total: head?.number ?? 0 });
    // An answer that does not go on would else be asked for again and again.
    if (next === null || next <= from || broken !== undefined) return { checked, head, unsealed, broken };
    from = next;
  }
}

/** What each kind of break means, as the end of "At number 7 …". */
const BREAKS: Readonly<Record<ChainBreak['reason'], string>> = {
  row_changed: 'the row is not what it was when it was sealed: somebody changed it.',
  row_removed: 'the row is gone: somebody removed it.',
  row_inserted: 'there is a row that was never sealed in its turn: somebody put it in.',
  link_changed: 'the link of the chain was changed.',
  link_removed: 'the link of the chain is gone.',
  reordered: 'rows are not in the order in which they were sealed.',
  anchor_missing: 'the chain has no such number any more: its end was cut off.',
  anchor_differs: 'the chain has another hash than the one you gave: it was made anew.',
  cut_off: 'the end of the chain was cut off.',
};

/** A break in a sentence. */
export function breakWords({ number, reason }: ChainBreak): string {
  return `At number ${number.toLocaleString('en-US')} ${BREAKS[reason]}`;
}

/** A head that somebody wrote down, as it is typed; undefined where nothing was, and what is wrong with it otherwise. */
export function anchorOf(
  number: string,
  hash: string,
): { readonly number: number; readonly hash: string } | { readonly fault: string } | undefined {
  const [digits, hex] = [number.replace(/[\s,]/g, ''), hash.trim().toLowerCase()];
  if (digits === '' && hex === '') return undefined;
  if (!/^[1-9]\d{0,14}$/.test(digits)) return { fault: 'Give its number, from 1.' };
  if (!/^[0-9a-f]{64}$/.test(hex)) return { fault: 'Give its hash: 64 hexadecimal digits.' };
  return { number: Number(digits), hash: hex };
}
