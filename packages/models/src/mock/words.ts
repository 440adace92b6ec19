const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    'a about after all also am an and any are as at be been but by can could did do does for from get give had has have he her his how i if in into is it its ' +
    'just know me my no not of on or our out please s said say she should so some t tell than that the their them then there they this to told up us was we ' +
    'were what when where which who why will with would you your'
  ).split(' '),
);

/** The distinct words of a text that carry meaning: lower case, without plural s. At most the first 20,000 characters count. */
export function contentWords(text: string): Set<string> {
  const found = new Set<string>();
  for (const [word] of text
    .slice(0, 20_000)
    .toLowerCase()
    .matchAll(/[\p{L}\p{N}]+/gu)) {
    if (!STOP_WORDS.has(word))
      found.add(word.length > 3 && word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word);
  }
  return found;
}

/** Which part of `wanted` a text has, from 0 to 1. */
export function overlap(wanted: ReadonlySet<string>, text: string): number {
  if (wanted.size === 0) return 0;
  const words = contentWords(text);
  let shared = 0;
  for (const word of wanted) if (words.has(word)) shared += 1;
  return shared / wanted.size;
}

/** The sentences of a text, trimmed; at most 500 of them from the first 20,000 characters. */
export function sentences(text: string): string[] {
  const parts = text.slice(0, 20_000).split(/(?<=[.!?])\s|\n/, 500);
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/** Text of at most `length` characters, with an ellipsis where something was cut. */
export function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length).trimEnd()}…`;
}

/** Text without white space around it and without the marks that end a sentence. */
export function trimEnds(text: string): string {
  let end = text.length;
  while (end > 0 && /[\s?!.,;:]/.test(text[end - 1]!)) end -= 1;
  return text.slice(0, end).trimStart();
}

/** Text without the quotation marks around the whole of it. */
export function unquote(text: string): string {
  const closers: Readonly<Record<string, string>> = { '"': '"', "'": "'", '`': '`', '“': '”' };
  const close = closers[text[0] ?? ''];
  if (close === undefined || text.length < 2 || text.indexOf(close, 1) !== text.length - 1) return text;
  return text.slice(1, -1);
}
