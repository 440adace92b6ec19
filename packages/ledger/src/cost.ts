import type { CallUsage, Price } from './metering.ts';

/** The cost of a call in billionths of a US dollar, rounded up; null if the price is not known. */
export function costNano(price: Price | null, { input, cached, output }: CallUsage): number | null {
  if (price === null) return null;
  return Math.ceil((input - cached) * price.inputNano + cached * price.cachedInputNano + output * price.outputNano);
}

/** The same formula in SQL, over columns of usage and price; `cost.test.ts` compares the two. */
export const COST_NANO = 'ceil((input - cached)*input_nano + cached*cached_nano + output*output_nano)::bigint';
