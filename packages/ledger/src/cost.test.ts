// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Database } from '@reeve/db';
import { openTestDatabase } from '@reeve/testing';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { sql } from 'kysely';
import { COST_NANO, costNano } from './cost.ts';

describe('the cost of a call', () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  after(() => database[Symbol.asyncDispose]());

  it('is what input, cached input and output cost, rounded up, and unknown without a price', () => {
    const price = { inputNano: 150.5, cachedInputNano: 75, outputNano: 600 };
    const usage = { input: 101, cached: 100, output: 10, reasoning: 9 };
    assert.equal(costNano(price, usage), 13_651);
    assert.equal(costNano(null, usage), null);
  });

  it('is the same in SQL as here, whatever the price and the usage', async () => {
    const nano = fc.double({ min: 0, max: 100_000, noNaN: true });
    const price = fc.record({ inputNano: nano, cachedInputNano: nano, outputNano: nano });
    const usage = fc.record({ input: fc.nat(2_000_000), output: fc.nat(2_000_000), reasoning: fc.constant(0) });
    const call = fc.record({ price: fc.option(price), usage, share: fc.double({ min: 0, max: 1, noNaN: true }) });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 20 }), async (calls) => {
        const rows = calls.map(({ price: of, usage: used, share }) => ({
          of,
          used: { ...used, cached: Math.floor(used.input * share) },
        }));
        const sent = rows.map(({ of, used: { input, output, cached } }) => ({
          ...{ input, output, cached },
          ...(of && { input_nano: of.inputNano, cached_nano: of.cachedInputNano, output_nano: of.outputNano }),
        }));
        const found = await sql<{ cost: string | number | null }>`select ${sql.raw(COST_NANO)} as cost
          from json_to_recordset(${JSON.stringify(sent)}::text::json) as c (input bigint, output bigint, cached bigint,
            input_nano float8, cached_nano float8, output_nano float8)`.execute(database.db);
        assert.deepEqual(
          found.rows.map(({ cost }) => (cost === null ? null : Number(cost))),
          rows.map(({ of, used }) => costNano(of, used)),
        );
      }),
      cases(),
    );
  });
});
