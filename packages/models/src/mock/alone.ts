import { startsTodo } from './todo.ts';

/** The largest number whose divisors are looked for: a million of them take a few milliseconds. */
const LARGEST = 10 ** 12;

/** An answer that needs neither a tool, the session, nor knowledge; undefined where there is none. */
export function answerAlone(request: string): string | undefined {
  const text = request.slice(0, 300).trim();
  return aboutPrime(text) ?? (startsTodo(text) ? LIST_OF_WHAT : undefined);
}

const LIST_OF_WHAT =
  'What should be on the list? Tell me its items, for example: “create a todo list: buy milk, call Ada”.';

function aboutPrime(text: string): string | undefined {
  const digits = /^is\s+(\d[\d,]{0,20})\s+(?:a\s+)?prime(?:\s+number)?[\s?.!]*$/i.exec(text)?.[1];
  if (digits === undefined) return undefined;
  const number = Number(digits.replaceAll(',', ''));
  if (number > LARGEST) return undefined;
  const divisor = smallestDivisor(number);
  if (divisor === undefined) return `No: ${number} is not a prime number; the smallest one is 2.`;
  if (divisor === number) return `Yes, ${number} is a prime number.`;
  return `No, ${number} is not a prime number: it is ${divisor} × ${number / divisor}.`;
}

/** The smallest divisor above 1; undefined of 0 and 1. */
function smallestDivisor(number: number): number | undefined {
  if (number < 2) return undefined;
  for (let divisor = 2; divisor * divisor <= number; divisor += 1) if (number % divisor === 0) return divisor;
  return number;
}
