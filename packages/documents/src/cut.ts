/** How texts are cut: `prose` by sentences, `lines` by empty lines and lines. */
export type SplitMode = 'prose' | 'lines';

const sentences = new Intl.Segmenter('en', { granularity: 'sentence' });
const words = new Intl.Segmenter('en', { granularity: 'word' });
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** What is looked at behind the longest piece, to tell whether something ends there. */
const LOOKAHEAD = 100;

/**
 * Where to cut a text that begins at `from` so that its first piece ends at `most` or before: at the coarsest border that leaves
 * a quarter of the room or more, and never inside what a reader sees as one character, unless that alone is longer. There must be
 * text behind `most`.
 */
export function cutAt(text: string, from: number, most: number, mode: SplitMode): number {
  const window = text.slice(from, most + LOOKAHEAD);
  const room = most - from;
  const least = Math.ceil(room / 4);
  for (const border of BORDERS[mode]) {
    const at = wholeCharacter(window, border(window, room));
    if (at >= least) return from + at;
  }
  const at = wholeCharacter(window, room);
  if (at > 0) return from + at;
  return isLowSurrogate(text, most) && room > 1 ? most - 1 : most;
}

/** The first place from `from` on that is not blank, the indentation of a line left to it, and `end` where there is none. */
export function skipBlank(text: string, from: number, end: number): number {
  const at = firstText(text, from, end);
  if (at === end) return end;
  const line = skipLines(text, from, end);
  // A blank can be part of a character, with an accent behind it.
  return line > from ? line : from + wholeCharacter(text.slice(from, at + LOOKAHEAD), at - from);
}

/** The first line from `from` on that is not blank; `from` itself where its own is not. */
export function skipLines(text: string, from: number, end: number): number {
  const at = firstText(text, from, end);
  return at === from ? from : Math.max(from, text.lastIndexOf('\n', at - 1) + 1);
}

function firstText(text: string, from: number, end: number): number {
  let at = from;
  while (at < end && isBlank(text.charCodeAt(at))) at++;
  return at;
}

/** The end of what is not blank, from `end` backwards. */
export function trimBlank(text: string, from: number, end: number): number {
  let at = end;
  while (at > from && isBlank(text.charCodeAt(at - 1))) at--;
  return at;
}

type Border = (window: string, room: number) => number;

const emptyLine: Border = (window, room) => window.lastIndexOf('\n\n', room);
const line: Border = (window, room) => window.lastIndexOf('\n', room);
const sentence: Border = (window, room) => sentences.segment(window).containing(room)?.index ?? 0;
const word: Border = (window, room) => words.segment(window).containing(room)?.index ?? 0;

const BORDERS: Readonly<Record<SplitMode, readonly Border[]>> = {
  prose: [sentence, line, word],
  lines: [emptyLine, line, sentence, word],
};

/** The border of characters, as readers see them, at a place or before it. */
function wholeCharacter(window: string, at: number): number {
  return at <= 0 ? 0 : at >= window.length ? at : (graphemes.segment(window).containing(at)?.index ?? 0);
}

function isLowSurrogate(text: string, at: number): boolean {
  return text.charCodeAt(at) >>> 10 === 0b110111 && text.charCodeAt(at - 1) >>> 10 === 0b110110;
}

function isBlank(code: number): boolean {
  if (code <= 0x20) return code === 0x20 || (code >= 9 && code <= 13);
  return code >= 0xa0 && /\s/.test(String.fromCharCode(code));
}
