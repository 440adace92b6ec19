// runs on: both databases
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openDatabase, type Database } from '@reeve/db';
import { ReeveError, silentLog } from '@reeve/kit';
import { createTestDatabase, openTestDatabase, testDatabaseKind } from '@reeve/testing';
import { sql } from 'kysely';
import { ensureTenant } from '@reeve/identity';
import { beginCall, HOLD_MS, settleCall } from './call.ts';
import { ATTEMPT, ended, OWNER, setBudget, stateOf } from '../test/metering.ts';
import { sweepCalls } from './sweep.ts';

describe('concurrent calls', () => {
  it('spend at most their budget: of 200 at once over several pools exactly those are admitted that have room', async () => {
    await using place = await createTestDatabase();
    const open = () => openDatabase({ ...place, pool: 13, log: silentLog });
    await using stack = new AsyncDisposableStack();
    const databases = [stack.use(await open())];
    if (testDatabaseKind === 'postgres') databases.push(stack.use(await open()), stack.use(await open()));
    const [database] = databases as [Database];
    await ensureTenant(database.db, 'default');
    // Room for 50 in money, for 60 in tokens; the agent's budget is locked in the same order by everybody.
    await setBudget(database, { nano: 50 * 250_000, tokens: 60_000 });
    await setBudget(database, { scope: 'agent', ref: 'scout', tokens: 1_000_000 });
    const calls = Array.from({ length: 200 }, async (_, index) => {
      const { db } = databases[index % databases.length]!;
      const owner = { ...OWNER, agentId: index % 2 === 0 ? 'scout' : null };
      return { db, id: await beginCall(db, owner, ATTEMPT, HOLD_MS) };
    });
    const begun = await Promise.allSettled(calls);
    const admitted = admittedOf(begun);
    assert.equal(admitted.length, 50);
    assert.deepEqual(await stateOf(database), [0, 0, 50_000, 50 * 250_000]);
    await Promise.all(admitted.map(({ db, id }) => settleCall(db, 'default', id, ended(500, 500))));
    assert.deepEqual(await stateOf(database), [50_000, 50 * 250_000, 0, 0]);
    await assert.rejects(beginCall(database.db, OWNER, ATTEMPT, HOLD_MS), /has \$0 of/);
  });

  it(
    'fill a budget to its last token and never go one over, ten thousand of them at once from two processes',
    { skip: testDatabaseKind === 'pglite' && 'only one process can have the embedded database', timeout: 120_000 },
    async () => {
      await using place = await createTestDatabase();
      await using database = await openDatabase({ ...place, pool: 4, log: silentLog });
      await ensureTenant(database.db, 'default');
      // All of them want 70,000. Each statement for one call waits for the disk, so most calls are let in.
      const limit = 60_011;
      await setBudget(database, { tokens: limit });
      const reserving = await Promise.all([1, 2].map(() => startReserving(place.url!, 5_000)));
      const found = await Promise.all(reserving.map((go) => go()));
      // Neither was let in or refused alone, or the test would show nothing.
      for (const { calls, admitted, smallestRefused } of found)
        assert.ok(calls === 5_000 && admitted > 0 && smallestRefused === 1, JSON.stringify(found));
      // Nothing was given back, so whoever was refused a single token met a full budget.
      assert.equal(found[0]!.tokens + found[1]!.tokens, limit);
      assert.deepEqual(await stateOf(database), [0, 0, limit, limit * 400]);
      const { rows } = await sql<{ calls: number; tokens: number }>`
        select count(*) as calls, sum(reserved_input + reserved_output)::bigint as tokens
        from model_calls where status = 'open'`.execute(database.db);
      assert.deepEqual(rows, [{ calls: found[0]!.admitted + found[1]!.admitted, tokens: limit }]);
    },
  );

  it('never overspend while they begin, end, crash and are swept all at once', async () => {
    await using database = await openTestDatabase();
    const runs = [randomUUID(), randomUUID()];
    await setBudget(database, { nano: 5_000_000 });
    for (const ref of runs) await setBudget(database, { scope: 'run', ref, tokens: 12_000 });
    await setBudget(database, { scope: 'agent', ref: 'scout', tokens: 16_000 });
    await Promise.all(
      Array.from({ length: 8 }, async (_, worker) => {
        for (let round = 0; round < 12; round += 1) {
          const rootRunId = runs[(worker + round) % 2]!;
          const owner = { ...OWNER, agentId: round % 3 === 0 ? 'scout' : null, runId: rootRunId, rootRunId };
          const begun = await Promise.allSettled([beginCall(database.db, owner, ATTEMPT, worker === 0 ? 0 : HOLD_MS)]);
          const id = admittedOf(begun)[0];
          if (worker === 1) await sweepCalls(database, silentLog);
          else if (id !== undefined && worker > 1) await settleCall(database.db, 'default', id, ended(500, round));
          const { rows } = await sql<{ over: number }>`
            select count(*) as over from budgets
            where spent_nano + reserved_nano > limit_nano or spent_tokens + reserved_tokens > limit_tokens`.execute(
            database.db,
          );
          assert.equal(rows[0]?.over, 0);
        }
      }),
    );
    await sql`update model_calls set expires_at = reeve_now() where status = 'open'`.execute(database.db);
    await sweepCalls(database, silentLog);
    const { rows } = await sql<{ differ: number }>`
      select count(*) as differ from budgets b, lateral (
        select coalesce(sum(input_tokens + output_tokens), 0) as tokens, coalesce(sum(cost_nano), 0) as nano from model_calls c
        where c.status = 'settled' and (b.scope = 'tenant' or c.agent_id = b.ref or c.root_run_id::text = b.ref)) used
      where b.reserved_tokens <> 0 or b.reserved_nano <> 0 or b.spent_tokens <> used.tokens or b.spent_nano <> used.nano`.execute(
      database.db,
    );
    assert.equal(rows[0]?.differ, 0);
  });
});

/** What was let in; whatever was not was refused by a budget. */
function admittedOf<T>(begun: readonly PromiseSettledResult<T>[]): T[] {
  return begun.flatMap((result) => {
    if (result.status === 'fulfilled') return [result.value];
    assert.equal(ReeveError.from(result.reason).reason, 'budget_exhausted', String(result.reason));
    return [];
  });
}

interface Reserved {
  readonly calls: number;
  readonly admitted: number;
  readonly tokens: number;
  /** Infinity is null in JSON. */
  readonly smallestRefused: number | null;
}

/** Starts a process that reserves for so many calls, and waits until it could; what it answers lets it begin. */
async function startReserving(url: string, calls: number): Promise<() => Promise<Reserved>> {
  const script = fileURLToPath(new URL('../test/reserving-process.ts', import.meta.url));
  const child = spawn(process.execPath, [script, url, String(calls)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const exited = once(child, 'exit');
  assert.equal((await lines.next()).value, 'ready');
  return async () => {
    child.stdin.write('go\n');
    const { value } = await lines.next();
    assert.deepEqual(await exited, [0, null]);
    return JSON.parse(value as string) as Reserved;
  };
}
