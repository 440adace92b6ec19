import { ReeveError } from './error.ts';
import { all, create, type BigNumber, type MathNode } from 'mathjs';

const math = create(all!, { number: 'BigNumber', precision: 64 });

const MAX_DIGITS = 10_000;
const MAX_FACTORIAL = 1_000;
const MAX_NODES = 500;

/**
 * The value of an arithmetic expression as decimal text. Only numbers, operators, constants and the functions below are
 * looked at; the tree is walked here and never handed to the library's own evaluator. Throws ReeveError
 * `invalid_request` for anything else, and for numbers of more than 10,000 digits.
 */
export function evaluate(expression: string): string {
  const node = parse(expression);
  if (node.filter(() => true).length > MAX_NODES) throw refuse(`the expression has more than ${MAX_NODES} parts`);
  return format(valueOf(node));
}

function parse(expression: string): MathNode {
  const plain = expression.replaceAll(/[×·]/g, '*').replaceAll('÷', '/').replaceAll('−', '-');
  if (plain.trim() === '') throw refuse('the expression is empty');
  try {
    return math.parse(plain);
  } catch (cause) {
    throw refuse(`the expression cannot be read: ${(cause as Error).message}`, cause);
  }
}

function valueOf(node: MathNode): BigNumber {
  if (math.isParenthesisNode(node)) return valueOf(node.content);
  if (math.isConstantNode(node)) return constant(node.value);
  if (math.isSymbolNode(node)) return named(node.name);
  if (math.isOperatorNode(node)) return operate(String(node.fn), (node.args as MathNode[]).map(valueOf));
  if (math.isFunctionNode(node)) return call(node.fn.name, node.args.map(valueOf));
  throw refuse(`${node.toString().slice(0, 100)} is not arithmetic; only numbers, operators and functions are allowed`);
}

function constant(value: unknown): BigNumber {
  // The parser itself puts the 100 of a percentage in as a plain number.
  if (typeof value === 'number') return math.bignumber(value);
  if (!math.isBigNumber(value)) throw refuse(`${JSON.stringify(value)} is not a number`);
  return bounded(value);
}

const CONSTANTS: Readonly<Record<string, () => BigNumber>> = {
  pi: () => math.acos(math.bignumber(-1)) as BigNumber,
  e: () => math.exp(math.bignumber(1)),
  tau: () => math.acos(math.bignumber(-1)).times(2) as BigNumber,
};

function named(name: string): BigNumber {
  const value = Object.hasOwn(CONSTANTS, name.toLowerCase()) ? CONSTANTS[name.toLowerCase()] : undefined;
  if (value === undefined)
    throw refuse(`${name} is not known here; the constants are ${Object.keys(CONSTANTS).join(', ')}`);
  return value();
}

function operate(operator: string, args: readonly BigNumber[]): BigNumber {
  const [a, b] = args as [BigNumber, BigNumber];
  switch (operator) {
    case 'add':
      return bounded(a.plus(b));
    case 'subtract':
      return bounded(a.minus(b));
    case 'multiply':
      return bounded(a.times(b));
    case 'divide':
      if (b.isZero()) throw refuse('division by zero');
      return bounded(a.div(b));
    case 'mod':
      return remainder(a, b);
    case 'pow':
      return power(a, b);
    case 'factorial':
      return factorial(a);
    case 'unaryMinus':
      return a.negated();
    case 'unaryPlus':
      return a;
    default:
      throw refuse(`the operator ${operator} is not arithmetic`);
  }
}

/** The functions that may be called, with how many arguments. */
const FUNCTIONS: Readonly<Record<string, readonly [least: number, most: number]>> = {
  abs: [1, 1],
  sqrt: [1, 1],
  cbrt: [1, 1],
  exp: [1, 1],
  log: [1, 2],
  log2: [1, 1],
  log10: [1, 1],
  sin: [1, 1],
  cos: [1, 1],
  tan: [1, 1],
  asin: [1, 1],
  acos: [1, 1],
  atan: [1, 1],
  atan2: [2, 2],
  floor: [1, 1],
  ceil: [1, 1],
  round: [1, 2],
  sign: [1, 1],
  min: [1, 100],
  max: [1, 100],
  mod: [2, 2],
  gcd: [2, 100],
  lcm: [2, 100],
  pow: [2, 2],
  factorial: [1, 1],
};

function call(name: string, args: readonly BigNumber[]): BigNumber {
  const plain = name === 'ln' ? 'log' : name;
  const arity = Object.hasOwn(FUNCTIONS, plain) ? FUNCTIONS[plain] : undefined;
  if (arity === undefined)
    throw refuse(`the function ${name} is not known here; the functions are ${Object.keys(FUNCTIONS).join(', ')}`);
  const [least, most] = arity;
  if (args.length < least || args.length > most)
    throw refuse(`${name} takes ${least === most ? least : `${least} to ${most}`} numbers, not ${args.length}`);
  if (plain === 'pow') return power(args[0]!, args[1]!);
  if (plain === 'factorial') return factorial(args[0]!);
  if (plain === 'mod') return remainder(args[0]!, args[1]!);
  // Exponentials and angles of huge numbers take the library longer than anybody waits.
  const reach = plain === 'exp' ? MAX_DIGITS : 1e15;
  if (['exp', 'sin', 'cos', 'tan'].includes(plain) && args[0]!.abs().greaterThan(reach))
    throw refuse(`${name} is computed up to ${reach} only`);
  if (plain === 'tan' && apply('cos', args).isZero()) throw refuse('tan has no value here');
  return apply(plain, args);
}

function apply(name: string, args: readonly BigNumber[]): BigNumber {
  let value: unknown;
  try {
    value = (math as unknown as Record<string, (...numbers: readonly BigNumber[]) => unknown>)[name]!(...args);
  } catch (cause) {
    throw refuse(`${name}: ${(cause as Error).message}`, cause);
  }
  if (!math.isBigNumber(value) || value.isNaN()) throw refuse(`${name} has no real value here`);
  // The rounding of pi would show as a tiny angle: sin(pi) is 0.
  return bounded(['sin', 'cos', 'tan'].includes(name) ? value.toDecimalPlaces(60) : value);
}

function remainder(value: BigNumber, divisor: BigNumber): BigNumber {
  if (divisor.isZero()) throw refuse('division by zero');
  return apply('mod', [value, divisor]);
}

function power(base: BigNumber, exponent: BigNumber): BigNumber {
  if (exponent.abs().greaterThan(MAX_DIGITS)) throw refuse(`exponents are limited to ${MAX_DIGITS}`);
  if (base.isZero() && exponent.isNegative()) throw refuse('division by zero');
  const value = base.pow(exponent);
  if (value.isNaN()) throw refuse('a negative number has no real power of a fraction');
  return bounded(value);
}

function factorial(value: BigNumber): BigNumber {
  if (!value.isInteger() || value.isNegative() || value.greaterThan(MAX_FACTORIAL)) {
    throw refuse(`factorials are computed of whole numbers from 0 to ${MAX_FACTORIAL}`);
  }
  return apply('factorial', [value]);
}

function bounded(value: BigNumber): BigNumber {
  if (!value.isFinite() || Math.abs(value.e) > MAX_DIGITS) throw refuse(`a number has more than ${MAX_DIGITS} digits`);
  return value;
}

/** Whole numbers in full where they are exact; else 32 digits, which hides the rounding of the 64 in use. */
function format(value: BigNumber): string {
  if (value.isInteger() && value.e < 64) return value.toFixed();
  const rounded = value.toSignificantDigits(32);
  return rounded.e > -20 && rounded.e < 32 ? rounded.toFixed() : rounded.toString();
}

function refuse(message: string, cause?: unknown): ReeveError {
  return new ReeveError('invalid_request', message, cause === undefined ? {} : { cause });
}
