/** A part of a text: from, and up to but without. */
export type Range = readonly [from: number, to: number];

/**
 * Where the words of a question stand in a text, whatever their case, their accents and their commonest English endings. Words that
 * say nothing by themselves are left out. The server knows more forms of a word than this, so a match may have none marked.
 */
export function sharedWords(question: string, text: string): Range[] {
  const wanted = new Set([...wordsOf(question)].map(([word]) => stemOf(word)).filter((stem) => !SILENT.has(stem)));
  const ranges: Range[] = [];
  for (const [word, at] of wordsOf(text)) if (wanted.has(stemOf(word))) ranges.push([at, at + word.length]);
  return ranges;
}

/** A text in parts, in order: those in `ranges`, which do not overlap and come in order, and those between them. */
export function partsOf(
  text: string,
  ranges: readonly Range[],
): { readonly text: string; readonly isMarked: boolean }[] {
  const parts = [];
  let done = 0;
  for (const [from, to] of ranges) {
    parts.push({ text: text.slice(done, from), isMarked: false }, { text: text.slice(from, to), isMarked: true });
    done = Math.max(done, to);
  }
  parts.push({ text: text.slice(done), isMarked: false });
  return parts.filter((part) => part.text !== '');
}

function* wordsOf(text: string): Generator<readonly [word: string, at: number]> {
  for (const { 0: word, index } of text.matchAll(/[\p{L}\p{M}\p{N}]+/gu)) yield [word, index];
}

/** A word without its case, its accents and its ending, of which at least three letters stay. */
function stemOf(word: string): string {
  const plain = word.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return plain.replace(/(?<=\p{L}{3})(?:ing|ed|es|s|e)$/u, '');
}

/** English words that say nothing by themselves, as `stemOf` leaves them. */
const SILENT = new Set(
  'a an and are as at be but by for from had has have how i in is it of on or that the them then ther they this to was what when wher which who why will with you'.split(
    ' ',
  ),
);
