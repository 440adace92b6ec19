import type { PlannedCall } from './call.ts';

const FUNCTIONS = 'sqrt|abs|round|floor|ceil|min|max|sin|cos|tan|log|ln|exp|pow';
const PHRASES = 'sum|product|average|mean|difference|square root|sqrt|square';
const ASKED = new RegExp(
  `^(?:what(?:['’]?s| is| are)|how much (?:is|are)|tell me)\\s+(?:the\\s+)?(?:(?:result|value) of\\s+)?(?:[-+(√]?\\s?[.\\d(]|(?:${PHRASES}) (?:of|between)\\b|(?:${FUNCTIONS})\\()`,
  'i',
);
const NAMED = new RegExp(`^(?:the )?(?:${PHRASES}) (?:of|between)\\s+[-(.\\d]`, 'i');
const ORDERED = /^(?:calculate|compute|evaluate|work out|solve)\s/i;
const VERB = /^(?:add|subtract|multiply|divide)\s+[-(.\d]/i;
const BARE = new RegExp(
  `^(?:[-(]\\s?){0,8}(?:[.\\d][\\d.,]{0,40}\\s?(?:%\\s?of\\b|\\*\\*|[-+*/^×÷%−]|x\\s?\\d|plus\\b|minus\\b|times\\b|divided by\\b)|(?:${FUNCTIONS})\\()`,
  'i',
);

/** How a request for arithmetic begins: as a question, as an order, or as a bare expression. */
export function startsArithmetic(head: string): 'asked' | 'ordered' | 'bare' | null {
  if (ASKED.test(head) || NAMED.test(head)) return 'asked';
  if (ORDERED.test(head) || VERB.test(head)) return 'ordered';
  return BARE.test(head) ? 'bare' : null;
}

/**
 * The expression in a request, as `calculator` takes it. Only an order may have words behind the expression;
 * in "what is 24/7 support" there is none.
 */
export function readArithmetic(piece: string): PlannedCall | undefined {
  const kind = startsArithmetic(piece.slice(0, 160));
  const body = piece
    .slice(0, 2_000)
    .replace(
      /^(?:what(?:['’]?s| is| are)|how much (?:is|are)|tell me|calculate|compute|evaluate|work out|solve)\s+/i,
      '',
    )
    .replace(/^(?:the\s+)?(?:(?:result|value) of\s+)?/i, '')
    .replace(/^the\s+/i, '');
  const { expression, rest } = readExpression(inSymbols(phrase(body)));
  if (expression === undefined || /^\d{4} - \d{1,2} - \d{1,2}$/.test(expression)) return undefined;
  const clean = kind === 'ordered' ? /^(?:$|[\s?!.,;:=])/ : /^[\s?!.=]*(?:equal to|exactly|please|for me)?[\s?!.]*$/i;
  return clean.test(rest) ? { tool: 'calculator', input: { expression } } : undefined;
}

/** "sum of 1, 2 and 3" and its like as an expression; other text as it is. */
function phrase(text: string): string {
  const match =
    /^(sum|product|average|mean|difference|square root|square|add|subtract|multiply|divide)(?: of| between)?\s+([^?!;\n]{1,1000})/i.exec(
      text,
    );
  if (match === null) return text;
  const items = match[2]!.split(/\s*,\s*and\s+|\s*,\s+|\s+(?:and|to|by|from|with)\s+/i);
  const ends = / ?\.?\s?$/;
  const list = items.map((item) => item.replace(ends, '')).filter((item) => item !== '');
  const [first, second] = list;
  switch (match[1]!.toLowerCase()) {
    case 'sum':
    case 'add':
      return list.join(' + ');
    case 'product':
    case 'multiply':
      return list.join(' * ');
    case 'average':
    case 'mean':
      return `(${list.join(' + ')}) / ${list.length}`;
    case 'subtract':
      return / from /i.test(match[2]!) ? `${second} - ${first}` : list.join(' - ');
    case 'difference':
      return list.join(' - ');
    case 'square root':
      return `sqrt(${match[2]!.replace(ends, '')})`;
    case 'square':
      return `(${match[2]!.replace(ends, '')}) ^ 2`;
    default:
      return list.join(' / ');
  }
}

function inSymbols(text: string): string {
  return text
    .replace(/(\d[\d.]{0,40})\s?(?:%|percent)\s+of\s/gi, '($1 / 100) * ')
    .replace(/\s(?:plus|added to)\s/gi, ' + ')
    .replace(/\sminus\s/gi, ' - ')
    .replace(/\s(?:times|multiplied by)\s/gi, ' * ')
    .replace(/\s(?:divided by|over)\s/gi, ' / ')
    .replace(/\s(?:to the power of|raised to)\s/gi, ' ^ ')
    .replace(/\ssquared\b/gi, ' ^ 2')
    .replace(/\scubed\b/gi, ' ^ 3')
    .replace(/√/g, 'sqrt')
    .replace(/×/g, '*')
    .replace(/÷/g, '/')
    .replaceAll('**', '^')
    .replace(/−/g, '-');
}

const TOKEN = /\s{0,8}(?:((?:\d{1,40}|(?=\.\d))(?:\.\d{1,40})?(?:e[+-]?\d{1,3})?)|(\*\*|[-+*/%^(),])|([a-z]{1,8}))/iy;
const THOUSANDS = /\s{0,8}(\d{1,3}(?:,\d{3}){1,9}(?:\.\d{1,40})?)(?![\d,])/y;
const FUNCTION = new RegExp(`^(?:${FUNCTIONS})$`, 'i');

/** The longest arithmetic expression at the start of a text, evenly spaced, and what is behind it. */
function readExpression(text: string): { expression: string | undefined; rest: string } {
  let written = '';
  let expectsOperand = true;
  let depth = 0;
  let operators = 0;
  let valid: { expression: string; end: number } | undefined;
  let at = 0;
  for (let count = 0; count < 500; count += 1) {
    THOUSANDS.lastIndex = at;
    const thousands = depth === 0 ? THOUSANDS.exec(text) : null;
    TOKEN.lastIndex = at;
    const match = thousands ?? TOKEN.exec(text);
    if (match === null) break;
    const number = match[1]?.replaceAll(',', '');
    let symbol = match[2];
    const word = match[3]?.toLowerCase();
    if (word === 'x') symbol = '*';
    if (number !== undefined && number !== '') {
      if (!expectsOperand) break;
      written += number;
      expectsOperand = false;
    } else if (symbol === '(') {
      if (!expectsOperand) break;
      written += '(';
      depth += 1;
    } else if (symbol === ')') {
      if (expectsOperand || depth === 0) break;
      written += ')';
      depth -= 1;
    } else if (symbol === ',') {
      if (expectsOperand || depth === 0) break;
      written += ', ';
      expectsOperand = true;
    } else if (symbol !== undefined && expectsOperand) {
      if (symbol !== '-') break;
      written += '-';
    } else if (symbol !== undefined) {
      written += ` ${symbol} `;
      expectsOperand = true;
      operators += 1;
    } else if (
      word !== undefined &&
      expectsOperand &&
      FUNCTION.test(word) &&
      /^\s?\(/.test(text.slice(at + match[0].length, at + match[0].length + 2))
    ) {
      written += word;
      operators += 1;
    } else if ((word === 'pi' || word === 'e') && expectsOperand) {
      written += word;
      expectsOperand = false;
    } else break;
    at += match[0].length;
    if (!expectsOperand && depth === 0 && operators > 0) valid = { expression: written, end: at };
  }
  return { expression: valid?.expression, rest: text.slice(valid?.end ?? 0) };
}
