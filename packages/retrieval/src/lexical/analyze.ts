import { stemmer as stemRussian } from '@orama/stemmers/russian';
import stemEnglish from 'wink-porter2-stemmer';
import { STOP_WORDS } from './stop-words.ts';

export { stemEnglish };

/*
 * What a text is found by. Words of letters, marks and digits; in what is joined by signs or by capitals (`memory_service.ts`,
 * `/etc/reeve/config.yaml`, `getUserById`) the parts and the whole. Words in Latin letters lose their accents and are stemmed as
 * English, those in Cyrillic letters as Russian; scripts that put no spaces between words are segmented, and those of China, Japan
 * and Korea are also taken apart into pairs of characters, so that where a segment ends makes no difference.
 *
 * Time is linear in the length of a text, whatever it is.
 */

/** Goes up whenever a text may come to other terms than before; what was indexed under a lower one is to be indexed anew. */
export const ANALYZER_VERSION = 1;

/** UTF-16 units of a term: longer words are cut to it, longer joined words are known by their parts alone. */
const TERM_LENGTH = 100;

const SPACELESS = String.raw`[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー]`;
const SPACED = String.raw`[[\p{L}\p{N}\p{M}]--${SPACELESS}]`;
/** Signs that join parts to one name, as in paths, addresses, versions and identifiers. Two hyphens are a dash. */
const JOIN = String.raw`(?:__|::|:\/\/|[._\-\/\\:@#+~=&?%$])`;

const WORDS = new RegExp(`${SPACELESS}+|${SPACED}+(?:${JOIN}${SPACED}+)*`, 'gv');
const isSpaceless = new RegExp(`^${SPACELESS}`, 'v');
const PARTS = new RegExp(`${SPACED}+`, 'gv');
/** Between `get` and `User`, and between `HTTP` and `Server`. */
const HUMP = /(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/u;
const isHangul = /^\p{Script=Hangul}/u;
const isLatin = /^\p{Script=Latin}/u;
const isCyrillic = /^\p{Script=Cyrillic}/u;
const isPaired = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]/u;
/** There among the pairs anyway. */
const isPair = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]{2}$/u;
/** Alone, a character of these is grammar. */
const isParticle = /^[\p{Script=Hiragana}ー\ufffd]$/u;

/** What a text is found by. */
export interface Analyzed {
  /** As often as they are there. None has NUL or half a character in it. */
  readonly terms: readonly string[];
  /** How many words that is: a whole beside its parts, or a segment beside its pairs, makes a text no longer. */
  readonly length: number;
}

/** Takes a text apart. Never fails; a text without a word in it has no terms. */
export function analyze(text: string): Analyzed {
  const terms: string[] = [];
  let length = 0;
  for (const [word] of text.normalize('NFKC').matchAll(WORDS)) {
    const analyzed = KNOWN.get(word) ?? analyzeNew(word);
    for (const term of analyzed.terms) terms.push(term);
    length += analyzed.length;
  }
  return { terms, length };
}

/** Words that came lately: most of a text are words that came before. */
const KNOWN = new Map<string, Analyzed>();
const MOST_KNOWN = 20_000;
const KNOWN_LENGTH = 40;

function analyzeNew(word: string): Analyzed {
  const analyzed = isSpaceless.test(word) ? analyzeSpaceless(word) : analyzeSpaced(word);
  if (word.length > KNOWN_LENGTH) return analyzed;
  if (KNOWN.size >= MOST_KNOWN) KNOWN.clear();
  KNOWN.set(word, analyzed);
  return analyzed;
}

function analyzeSpaced(word: string): Analyzed {
  const parts = word.match(PARTS)!.flatMap((part) => (isPlain(part) ? [part] : part.split(HUMP)));
  const terms = parts.map((part) => termOf(part.toLowerCase())).filter((term) => term !== undefined);
  const { length } = terms;
  if (parts.length > 1 && word.length <= TERM_LENGTH) terms.push(folded(word.toLowerCase()));
  // A whole of which every part is a stop word is a word all the same.
  return {
    terms: isHangul.test(word) ? terms.concat(parts.flatMap(pairsOf)) : terms,
    length: length || Math.min(terms.length, 1),
  };
}

/** Most words: no humps to look for. */
function isPlain(part: string): boolean {
  return /^[a-z]+$/.test(part);
}

/** A word in lower case as it is indexed; undefined for a stop word. */
function termOf(word: string): string | undefined {
  if (STOP_WORDS.has(word)) return undefined;
  const cut = word.length > TERM_LENGTH ? word.slice(0, TERM_LENGTH).replace(/[\uD800-\uDBFF]$/, '') : word;
  if (isLatin.test(cut)) return stemEnglish(folded(cut));
  return isCyrillic.test(cut) ? stemRussian(cut.replaceAll('ё', 'е')) : cut;
}

/** Latin letters without their accents: whether somebody typed them is chance. */
function folded(word: string): string {
  if (/^[\x21-\x7e]*$/.test(word)) return word;
  const bare = word.replace(/\p{Script=Latin}\p{M}*/gu, (letter) => letter.normalize('NFD').replace(/\p{M}/gu, ''));
  return bare
    .replaceAll('ß', 'ss')
    .replaceAll('ø', 'o')
    .replaceAll('ł', 'l')
    .replaceAll('æ', 'ae')
    .replaceAll('œ', 'oe');
}

/** Loaded with its dictionaries once. */
const segmenter = new Intl.Segmenter('und', { granularity: 'word' });
/** UTF-16 units that are segmented at once, so that the time stays linear. */
const SEGMENTED = 500;

function analyzeSpaceless(run: string): Analyzed {
  const segments: string[] = [];
  for (let at = 0; at < run.length; at += SEGMENTED)
    for (const { segment } of segmenter.segment(run.slice(at, at + SEGMENTED).toWellFormed()))
      if (segment.length <= TERM_LENGTH && !isPair.test(segment) && !isParticle.test(segment)) segments.push(segment);
  if (!isPaired.test(run)) return { terms: segments, length: segments.length };
  const pairs = pairsOf(run);
  return { terms: segments.concat(pairs), length: pairs.length || segments.length };
}

function pairsOf(run: string): string[] {
  const characters = [...run];
  return characters.slice(1).map((character, index) => characters[index]! + character);
}
