import { stemEnglish } from '@reeve/retrieval';
import { wordsOf, type Word } from './words.ts';

/*
 * How a new text relates to an old one, by their words alone. Everything is decided in favor of keeping both as they are: what a rule
 * is not sure of is `other`.
 *
 *   same     it says nothing that the old one does not say: nearly the same words in the same order, the same numbers and negations
 *   fuller   it says the same and a little more
 *   changed  it says something else about the same thing: the opposite, another number, or another value of what has one
 *   other    anything else
 */
export type Relation = 'same' | 'fuller' | 'changed' | 'other';

/** Pairs of neighboring words that two texts share, of all that they have. */
const ALIKE = 0.9;
/** Words of a value that differs, and those that may follow it. */
const VALUE_LENGTH = 4;
const REST_LENGTH = 6;

/** How a new text relates to an old one. */
export function relationOf(text: string, old: string): Relation {
  const [now, then] = [wordsOf(text), wordsOf(old)];
  if (now.length === 0 || then.length === 0) return 'other';
  if (isAlike(now, then)) {
    const [more, less] = [without(now, then), without(then, now)];
    if (more.length === 0) return 'same';
    if (less.length === 0) return 'fuller';
  }
  return isOpposite(now, then) || (!ONE_OF_MANY.test(text) && hasOtherValue(now, then)) ? 'changed' : 'other';
}

function isAlike(one: readonly Word[], other: readonly Word[]): boolean {
  for (const kind of ['number', 'negation'] as const) if (formsOf(one, kind) !== formsOf(other, kind)) return false;
  return shareOf(one.map(formOf), other.map(formOf)) >= ALIKE;
}

/** The opposite: the same words but for a negation that only one of them has. */
function isOpposite(one: readonly Word[], other: readonly Word[]): boolean {
  const count = (words: readonly Word[]) => words.filter(({ kind }) => kind === 'negation').length;
  if (count(one) % 2 === count(other) % 2 || formsOf(one, 'number') !== formsOf(other, 'number')) return false;
  const [first, second] = [plain(one), plain(other)];
  return first.length >= 2 && first.join(' ') === second.join(' ');
}

/** `does not like` and `likes` are one without the negation. */
function plain(words: readonly Word[]): string[] {
  return words
    .filter(
      ({ kind, form }) => kind !== 'negation' && !['do', 'does', 'did', 'any', 'anymore', 'longer'].includes(form),
    )
    .map(({ form }) => stemEnglish(form));
}

/** Verbs that assign a value, one per text; `has` only before a number. */
const STATES = new Set([
  ...['is', 'are', 'was', 'were', 'be', 'equals', 'costs', 'cost', 'weighs', 'takes', 'lasts', 'expires', 'runs'],
  ...[
    'starts',
    'begins',
    'ends',
    'opens',
    'closes',
    'lives',
    'works',
    'prefers',
    'has',
    'have',
    'ist',
    'sind',
    'est',
    'es',
  ],
]);
/** Attributes with one value per thing; `is` anything else may have several. */
const SINGLE = new Set([
  'lives',
  'works',
  'prefers',
  'called',
  'named',
  'favorite',
  'favourite',
  'preferred',
  'default',
]);

/** Words allowed between the attribute and its value; others suggest several values. */
const BETWEEN = new Set(['in', 'at', 'to', 'as', 'for', 'on', 'from', 'until', 'now']);
/** How a text begins that is about one of several: each may have a value of its own. */
const ONE_OF_MANY = /^[^\p{L}\p{N}]*(?:an?|one|another|some|eine?|une?|una)\s/iu;

/**
 * Another value: the same words up to one that says that something has a value, then others, and perhaps the same ones again. The
 * values are both numbers or both names, except of what can only have one.
 */
function hasOtherValue(one: readonly Word[], other: readonly Word[]): boolean {
  const before = countShared(one, other);
  const after = countShared(one.slice(before).reverse(), other.slice(before).reverse());
  const shared = one.slice(0, before).map(formOf);
  const [value, otherValue] = [one, other].map((words) => words.slice(before, words.length - after));
  const [first, second] = [value![0], otherValue![0]];
  if (first === undefined || second === undefined || after > REST_LENGTH) return false;
  if (Math.max(value!.length, otherValue!.length) > VALUE_LENGTH) return false;
  const state = shared.findLast((form) => STATES.has(form));
  if (state === undefined || shared.indexOf(state) === 0 || first.kind === 'negation' || second.kind === 'negation')
    return false;
  if (first.kind === 'number' || second.kind === 'number') return first.kind === second.kind;
  const between = shared.slice(shared.lastIndexOf(state) + 1);
  if (!between.every((form) => BETWEEN.has(form) || SINGLE.has(form)) || (state === 'works' && between.includes('on')))
    return false;
  if (state.startsWith('ha')) return false;
  return (first.isName && second.isName) || shared.some((form) => SINGLE.has(form));
}

function countShared(one: readonly Word[], other: readonly Word[]): number {
  const end = one.findIndex(({ form }, at) => form !== other[at]?.form);
  return end === -1 ? one.length : end;
}

/** The Jaccard similarity of neighboring word pairs; of single words if a text has no pair. */
function shareOf(one: readonly string[], other: readonly string[]): number {
  const [first, second] = [pairsOf(one), pairsOf(other)];
  return first.intersection(second).size / first.union(second).size;
}

function pairsOf(words: readonly string[]): Set<string> {
  return new Set(words.length === 1 ? words : words.slice(1).map((word, at) => `${words[at]} ${word}`));
}

/** Words of one text that the other lacks or has less often. */
function without(one: readonly Word[], other: readonly Word[]): string[] {
  const left = other.map(formOf);
  return one.map(formOf).filter((form) => {
    const at = left.indexOf(form);
    if (at !== -1) left.splice(at, 1);
    return at === -1;
  });
}

function formsOf(words: readonly Word[], kind: Word['kind']): string {
  return words
    .filter((word) => word.kind === kind)
    .map(formOf)
    .sort()
    .join(' ');
}

function formOf({ form }: Word): string {
  return form;
}
