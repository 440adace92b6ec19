import type { Hint } from './instance.ts';
import { clip } from './words.ts';

const ANSWERS = new Set('answer result text response message content summary output reply value total sum'.split(' '));
const NUMBER = '-?\\d{1,15}(?:\\.\\d{1,10})?';

/**
 * What a request and its plain answer say of properties. A property that names an answer gets it, as a text or as the number that
 * ends it. Of others counts what the request says plainly: "name is Ada", "age: 36", "21 degrees celsius".
 */
export function hintsFrom(request: string, answer: string): Hint {
  const text = request.slice(0, 4_000);
  return (path, type) => {
    const name = path.at(-1);
    if (name === undefined || /^\d+$/.test(name)) return undefined;
    const words = spaced(name);
    if (words === '') return undefined;
    if (ANSWERS.has(words)) return type === 'string' ? clip(answer, 8_000) : lastNumber(answer);
    return type === 'string' ? statedText(text, words) : statedNumber(text, words);
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
  return value === '' ? undefined : value;
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
