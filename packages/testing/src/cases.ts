/** How many random cases a property is tried with, and the seed that they come from. */
export interface Cases {
  readonly numRuns: number;
  readonly seed: number;
}

const isDeep = process.env['REEVE_TEST_DEEP'] === '1';
/** The day, so that all runs of a day try the same cases, and the next day others. */
const seed = Number(process.env['REEVE_TEST_SEED'] ?? new Date().toISOString().slice(0, 10).replaceAll('-', ''));

/**
 * The parameters of `fc.assert`: `many` cases with REEVE_TEST_DEEP=1 (`npm run test:deep`), else `few`, a tenth unless given, but
 * at least twenty where there are so many. REEVE_TEST_SEED tries the cases of another day.
 */
export function cases(many = 100, few = Math.max(Math.ceil(many / 10), Math.min(many, 20))): Cases {
  return { numRuns: isDeep ? many : few, seed };
}
