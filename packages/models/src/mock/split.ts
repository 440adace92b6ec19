/** The start of a request for a tool: whether free text follows, and whether it is an expression without a verb. */
export interface Start {
  readonly free: boolean;
  readonly bare: boolean;
}

/** Requests are looked for in this many characters; what follows belongs to the last piece. */
const SCANNED = 30_000;

/**
 * Cuts a request into pieces, each beginning where `startAt` knows the start of a request for a tool. A cut
 * is made only behind a separator (a line, a sentence, ";", "then", "and"), never in quotes or a code fence,
 * so that what a user wants written or remembered stays whole. What comes before the first start is left out,
 * unless it holds a code fence. Time is linear in the length of the text.
 */
export function splitRequest(text: string, startAt: (text: string, at: number) => Start | null): string[] {
  const pieces: string[] = [];
  const closers = new Map<string, number>();
  let from = skipFillers(text, 0);
  let current = startAt(text, from);
  let fenced = false;
  let at = from;
  const cut = (end: number, next: number, start: Start | null) => {
    if (current !== null || fenced) pieces.push(text.slice(from, end).trim());
    from = next;
    current = start;
    fenced = false;
    at = next;
  };
  while (at < text.length && at < SCANNED) {
    if (text.startsWith('```', at)) {
      // A fence belongs to the words before it, which may say what to do with it, unless they are complete without.
      if (fenced || current?.free === false) cut(at, at, null);
      fenced = true;
      at = closing(text, '```', at + 3, closers);
      continue;
    }
    const quote = text[at]!;
    if (QUOTES.has(quote) && !(quote === "'" && isWord(text[at - 1]))) {
      const end = closing(text, QUOTES.get(quote)!, at + 1, closers);
      at = end < text.length ? end : at + 1;
      continue;
    }
    const length = separatorLength(text, at, current === null);
    if (length > 0) {
      const next = skipFillers(text, at + length);
      const start = text.startsWith('```', next) ? null : startAt(text, next);
      if (start !== null && !(start.bare && current?.free === true)) {
        const keep = '.?!'.includes(quote) ? 1 : 0;
        cut(at + keep, next, start);
        continue;
      }
    }
    at += 1;
  }
  cut(text.length, text.length, null);
  return pieces;
}

const QUOTES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["'", "'"],
  ['“', '”'],
  ['`', '`'],
]);

/**
 * The place behind the next `mark`, or the end of the text. `known` remembers the latest answer for each mark,
 * so that many openers without a closer cost no more than one.
 */
function closing(text: string, mark: string, from: number, known: Map<string, number>): number {
  const before = known.get(mark);
  if (before !== undefined && before >= from + mark.length) return before;
  let at = text.indexOf(mark, from);
  // An apostrophe inside a word closes nothing.
  while (mark === "'" && at >= 0 && isWord(text[at + 1])) at = text.indexOf(mark, at + 1);
  const end = at < 0 ? text.length : at + mark.length;
  known.set(mark, end);
  return end;
}

function isWord(character: string | undefined): boolean {
  return character !== undefined && /[\p{L}\p{N}]/u.test(character);
}

/** How long the separator here is, or 0. A comma and a colon separate only before the first request. */
function separatorLength(text: string, at: number, inIntroduction: boolean): number {
  const character = text[at]!;
  if (character === '\n' || character === ';') return 1;
  const next = text[at + 1];
  if ('.?!'.includes(character)) return next === ' ' || next === '\n' ? 1 : 0;
  if (character === ',' || character === ':')
    return inIntroduction || /^,\s(?:and|then)\s/i.test(text.slice(at, at + 7)) ? 1 : 0;
  if (character === ' ') return /^ (?:and then|and|then) /i.exec(text.slice(at, at + 10))?.[0].length ?? 0;
  return 0;
}

const FILLER =
  /^(?:\s{1,20}|(?:\d{1,3}[.)]|[-*•])\s{1,8}|(?:please|then|next|also|now|finally|first|second|third|last|lastly|and|after that|afterwards|can you|could you|would you|will you|i want you to|i would like you to|i'd like you to|let's|kindly|just|ok|okay|so|hey|hi|hello|reeve|use (?:the |your )?[a-z_]{1,20}(?: tool)? to)(?![\p{L}\p{N}_'])[,:!]?)/iu;

/** Skips list marks, courtesies and words of order, a dozen at most. */
function skipFillers(text: string, from: number): number {
  let at = from;
  for (let count = 0; count < 12; count += 1) {
    const length = FILLER.exec(text.slice(at, at + 60))?.[0].length ?? 0;
    if (length === 0) break;
    at += length;
  }
  return at;
}
