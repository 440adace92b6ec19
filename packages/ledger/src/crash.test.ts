// runs on: both databases
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { it } from 'node:test';
import { openDatabase } from '@reeve/db';
import { silentLog } from '@reeve/kit';
import { createTestDatabase, testDatabaseKind } from '@reeve/testing';
import { sql } from 'kysely';
import { ensureTenant } from '@reeve/identity';
import { sweepCalls } from './sweep.ts';

/** Begins and settles calls of 20 tokens, a dozen at a time, and tells of each that begins, until it is killed. */
const SPENDER = `
import { openDatabase } from '@reeve/db';
import { silentLog } from '@reeve/kit';
import { createLedger } from './ledger.ts';
const owner = { tenantId: 'default', userId: 'ada', traceId: 't', agentId: 'scout', personaId: null, runId: null, rootRunId: null, step: null };
const price = { inputNano: 1, cachedInputNano: 1, outputNano: 1 };
const attempt = { provider: 'acme', model: 'm', attempt: 1, inputTokens: 10, maxOutputTokens: 10, price };
const usage = { input: 10, output: 3, cached: 0, reasoning: 0 };
const database = await openDatabase({ url: process.argv[1], pool: 17, dataDirectory: '', log: silentLog });
const ledger = createLedger(database, owner, silentLog);
for (let lane = 0; lane < 12; lane += 1) void spend();
async function spend() {
  for (;;) {
    try {
      const call = await ledger.begin(attempt);
      process.stdout.write('.');
      await call.settle({ outcome: 'ok', usage, estimated: false, firstTokenMs: null, latencyMs: 1 });
    } catch (error) {
      if (error.reason !== 'budget_exhausted') throw error;
      process.stdout.write('!');
    }
  }
}`;

it(
  'processes that are killed in the middle of their calls overspend nothing and hold nothing for good',
  { skip: testDatabaseKind === 'pglite' && 'only one process can have the embedded database' },
  async () => {
    await using place = await createTestDatabase();
    await using database = await openDatabase({ ...place, pool: 4, log: silentLog });
    const { db } = database;
    await ensureTenant(db, 'default');
    const budget = { tenant_id: 'default', updated_by: 'ada' };
    await db
      .insertInto('budgets')
      .values({ ...budget, scope: 'tenant', limit_tokens: 6_000 })
      .execute();
    await db
      .insertInto('budgets')
      .values({ ...budget, scope: 'agent', ref: 'scout', limit_nano: 40_000 })
      .execute();
    await Promise.all([1, 2, 3].map((number) => spendUntilKilled(place.url!, number * 100)));
    await sql`update model_calls set expires_at = reeve_now() where status = 'open'`.execute(db);
    await sweepCalls(database, silentLog);
    const { rows } = await sql<{ spent: number; counted: number; reserved: number; limit_tokens: number | null }>`
      select spent_tokens as spent, reserved_tokens + reserved_nano as reserved, limit_tokens,
        (select sum(input_tokens + output_tokens)::bigint from model_calls) as counted
      from budgets`.execute(db);
    for (const { spent, counted, reserved, limit_tokens } of rows) {
      assert.deepEqual([spent, reserved], [counted, 0]);
      // Six hundred calls of 13 tokens are more than the budget, so every spender met its end.
      assert.ok(spent > 5_000 && spent <= (limit_tokens ?? Infinity), `${spent} tokens`);
    }
  },
);

/** Kills a spender once so many of its calls have begun or were refused. */
async function spendUntilKilled(url: string, count: number): Promise<void> {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', SPENDER, url], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let seen = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.length;
    if (seen >= count) child.kill('SIGKILL');
  });
  assert.deepEqual(await exited, [null, 'SIGKILL']);
}
