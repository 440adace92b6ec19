import { z } from 'zod';
import { defineTool, success } from '../tool.ts';

/** Arithmetic with decimal numbers of 64 digits. The library is loaded at the first call, which takes most of a second. */
export const calculator = defineTool({
  name: 'calculator',
  description:
    'Computes an arithmetic expression exactly, such as "(17.5 + 3) * 2^10", "sqrt(2) / 3", "20!" or "15% * 80". It knows + - * / ^ % ! and parentheses, pi, e and tau, and the functions abs, sqrt, cbrt, exp, log (base e, or log(x, base)), log2, log10, sin, cos, tan, asin, acos, atan, atan2 (radians), floor, ceil, round (round(x, digits)), min, max, mod, pow, gcd, lcm, sign. No variables, no units, no equations.',
  effect: 'none',
  timeoutMs: 10_000,
  input: z.strictObject({
    expression: z.string().min(1).max(1_000).describe('What to compute, such as "2 * (3 + 4)".'),
  }),
  async execute({ expression }) {
    const { evaluate } = await import('@reeve/kit/arithmetic');
    return success({ value: evaluate(expression) });
  },
});
