import type { Hint } from './instance.ts';
import { clip } from './words.ts';

const ANSWERS = new Set('answer result text response message content summary output reply value total sum'.split(' '));
const NAMES_OF_PLACES = /\b(?:city|town|place|location|country|destination)$/;
const NUMBER = '-?\\d{1,15}(?:\\.\\d{1,10})?';
/** How many of the latest texts are read. */
const READ = 20;

/**
 * What a conversation and the plain answer say of properties. A property that names an answer gets it, as a text or as the number
 * that ends it. Of others counts what the user said plainly, the latest first: "name is Ada", "age: 36", "21 degrees celsius", a place
 * "in Paris", a choice by its name. `said` holds the user's messages in their order.
 */
export function hintsFrom(said: readonly string[], answer: string): Hint {
  const texts = said
    .slice(-READ)
    .toReversed()
    .map((text) => text.slice(0, 4_000));
  return (path, type, choices = []) => {
    const name = path.at(-1);
    const words = name === undefined || /^\d+$/.test(name) ? '' : spaced(name);
    if (words === '') return undefined;
    if (type === 'string' && ANSWERS.has(words)) return clip(answer, 8_000);
    if (type === 'number' && ANSWERS.has(words)) return lastNumber(answer);
    const stated = (text: string) => {
      if (type === 'string') return statedText(text, words);
      if (type === 'number') return statedNumber(text, words);
      return type === 'boolean' ? statedTruth(text, words) : namedChoice(text, choices);
    };
    for (const text of texts) {
      const found = stated(text);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

function lastNumber(text: string): number | undefined {
  const found = text.match(new RegExp(NUMBER, 'g'))?.at(-1);
  return found === undefined ? undefined : Number(found);
}

function statedNumber(text: string, words: string): number | undefined {
  const found =
    new RegExp(`\\b${words}\\b[^\\d\\n.;]{0,20}?(${NUMBER})`, 'i').exec(text) ??
    new RegExp(`(${NUMBER})\\s{0,3}(?:[a-z]{1,12}\\s)?${words}\\b`, 'i').exec(text);
  return found === null ? undefined : Number(found[1]);
}

function statedText(text: string, words: string): string | undefined {
  const found = new RegExp(
    `\\b${words}(?:\\s(?:is|are|was|of)(?:\\scalled)?\\s|\\s?[:=]\\s?)([^\\n,;]{1,200})`,
    'i',
  ).exec(text)?.[1];
  const value = found
    ?.split(/\.(?:\s|$)|\s(?:and|but)\s|[?!]/, 1)[0]
    ?.replace(/^["'“”]+|["'“”]+$/g, '')
    .trim();
  if (value !== undefined && value !== '') return value;
  return NAMES_OF_PLACES.test(words) ? namedPlace(text) : undefined;
}

/** The words with capital letters behind "in" or "to": "in Rome", "to New York". */
function namedPlace(text: string): string | undefined {
  return /\b(?:in|to|at|for) ((?:St\. )?\p{Lu}[\p{L}'’-]{1,30}(?: \p{Lu}[\p{L}'’-]{1,30}){0,3})/u.exec(text)?.[1];
}

function statedTruth(text: string, words: string): boolean | undefined {
  const found = statedText(text, words)?.toLowerCase();
  if (found === 'true' || found === 'yes') return true;
  return found === 'false' || found === 'no' ? false : undefined;
}

/** The only one of the choices that the text has as a word. */
function namedChoice(text: string, choices: readonly unknown[]): unknown {
  const words = ` ${plainWords(text)} `;
  const named = choices
    .slice(0, 100)
    .filter((choice) => typeof choice === 'string' && /[\p{L}\p{N}]/u.test(choice))
    .filter((choice) => words.includes(` ${plainWords(choice as string)} `));
  return named.length === 1 ? named[0] : undefined;
}

/** A text as its words in lower case, with one space between them. */
function plainWords(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/** `firstName` and `first_name` as words of a pattern; nothing of a name with signs that mean something there. */
function spaced(name: string): string {
  const words = name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/[_-]+/g, ' ')
    .toLowerCase()
    .trim();
  return /^[a-z][a-z\d ]{0,60}$/.test(words) ? words : '';
}
