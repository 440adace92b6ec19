import type { Finding } from './credentials.ts';

/** Thirteen to nineteen digits, together or in the groups that cards print. */
const NUMBERS =
  /(?<![\d.,-])(?:\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?|\d{4}([ -])\d{6}\2\d{4,5}|\d{13,19})(?![\d]|[.,-]\d)/g;

/** Number prefixes of the large networks, with their lengths. */
const NETWORKS =
  /^(?:4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|6(?:011|4[4-9]\d|5\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17})$/;

/** Numbers of payment cards in a text: those of a network's form whose check digit is right. */
export function findCards(text: string): Finding[] {
  return [...text.matchAll(NUMBERS)].flatMap(({ 0: written, index }) => {
    const digits = written.replace(/[ -]/g, '');
    if (!NETWORKS.test(digits) || !hasCheckDigit(digits)) return [];
    return [{ rule: 'payment_card', start: index, end: index + written.length }];
  });
}

/** True if the check digit is correct (Luhn). */
export function hasCheckDigit(digits: string): boolean {
  let sum = 0;
  for (let at = 0; at < digits.length; at += 1) {
    const digit = Number(digits[digits.length - 1 - at]);
    const doubled = at % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
