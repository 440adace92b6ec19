/** A word of a text, as two texts are compared by. */
export interface Word {
  /** Lowercase without accents; a number in normal form. */
  readonly form: string;
  readonly kind: 'word' | 'number' | 'negation';
  /** Written with a capital, and not only because a sentence begins there. */
  readonly isName: boolean;
}

const SPACELESS = String.raw`[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]`;
/** Numbers with inner punctuation (3.5, 12:30, 2026-11-23), words with apostrophes, single characters of scripts without spaces. */
const WORDS = new RegExp(
  String.raw`[+\-]?\p{N}+(?:[.,:\/\-]\p{N}+)*|${SPACELESS}|[[\p{L}\p{N}\p{M}]--${SPACELESS}]+(?:['’][[\p{L}\p{M}]--${SPACELESS}]+)*`,
  'gv',
);
const ARTICLES = new Set(['a', 'an', 'the']);
const NEGATIONS = new Set([
  ...['not', 'no', 'never', 'none', 'nothing', 'nobody', 'neither', 'nor', 'without'],
  ...['nicht', 'kein', 'keine', 'keinen', 'nie', 'niemals', 'ohne', 'pas', 'jamais', 'sans', 'nunca', 'sin', 'nao'],
  ...['не', 'нет', 'никогда', 'без', '不', '没', '非'],
]);
const CONTRACTED: Readonly<Record<string, string>> = {
  cannot: 'can',
  "can't": 'can',
  "won't": 'will',
  "shan't": 'shall',
};

/** The words of a text without articles; `can't` is two, `can` and a negation. Signs and white space make no difference. */
export function wordsOf(text: string): Word[] {
  const normal = text.normalize('NFKC').replaceAll('’', "'");
  return [...normal.matchAll(WORDS)].flatMap(({ 0: written, index }) => {
    const form = written
      .toLowerCase()
      .normalize('NFD')
      .replace(/(?<=\p{Script=Latin})\p{M}+/gu, '')
      .normalize('NFC');
    if (ARTICLES.has(form)) return [];
    const isName =
      /^\p{Lu}/u.test(written) && !/(?:^|[.!?:;\n])\s*$/.test(normal.slice(Math.max(0, index - 20), index));
    if (/^[+-]?\p{N}/u.test(form)) return [word(form.replace(/(?<=\d),(?=\d{3}(?!\d))/g, ''), 'number', isName)];
    if (NEGATIONS.has(form)) return [word(form, 'negation', false)];
    const bare = CONTRACTED[form] ?? (form.endsWith("n't") ? form.slice(0, -3) : undefined);
    return bare === undefined
      ? [word(form, 'word', isName)]
      : [word(bare, 'word', false), word('not', 'negation', false)];
  });
}

function word(form: string, kind: Word['kind'], isName: boolean): Word {
  return { form, kind, isName };
}
