// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Database } from '@reeve/db';
import { newId, ReeveError, silentLog, sleep } from '@reeve/kit';
import type { RunRequest } from '@reeve/runs';
import { openTestEngine, type TestEngine } from '@reeve/testing';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { createRunExecutor, type RunExecutorParts } from './execute-with-retry.ts';

/** What a transaction meets: nobody listens, the connection is lost before the commit is done, or after it. */
type Fault = 'none' | 'refused' | 'lost_before' | 'lost_after';

const config = {
  showsMetrics: true,
  defaultAgent: 'counter',
  gatewayTimeoutMs: 10_000,
  gatewayRetries: 3,
  gatewayCircuitFailures: 5,
  gatewayCircuitResetMs: 60_000,
};
const never = new AbortController().signal;

describe('starting a run with retries', { timeout: 120_000 }, () => {
  let engine: TestEngine;
  before(async () => {
    engine = await openTestEngine();
    for (const slug of ['broken', 'other']) await engine.makeAgent(slug, {});
  });
  after(() => engine[Symbol.asyncDispose]());
  beforeEach(() => engine.model.respond(() => ({ text: 'Done.' })));

  const executorWith = (more: Partial<RunExecutorParts['config']> = {}, faults: Fault[] = []) =>
    createRunExecutor({
      ...engine.parts,
      database: faulty(engine.database, faults),
      config: { ...config, ...more },
      log: silentLog,
      pauses: { firstMs: 2, longestMs: 8 },
    });
  const request = (agent = 'counter', input = 'go'): RunRequest => ({
    requester: { tenantId: 'default', userId: 'ada', traceId: newId(), requestId: newId() },
    source: 'execute',
    agent,
    input,
    payload: {},
    sessionId: undefined,
  });
  const runsOf = ({ requester: { traceId } }: RunRequest) =>
    engine.database.db.selectFrom('runs').select(['id', 'status']).where('trace_id', '=', traceId).execute();

  it('starts again if no run was created, and returns the run', async () => {
    const asked = request();
    const { started, ended } = await executorWith({}, ['refused', 'none', 'refused', 'none']).execute(
      asked,
      undefined,
      never,
    );
    assert.equal(ended.result.result, 'Done.');
    assert.deepEqual(
      (await runsOf(asked)).map(({ id }) => id),
      [started.runId],
    );
  });

  it('follows the run whose commit was answered into the void, and makes no second one', async () => {
    const asked = request();
    const failed = await executorWith({}, ['lost_after'])
      .execute(asked, 400, never)
      .catch((error: unknown) => error);
    const [run, ...more] = await runsOf(asked);
    assert.deepEqual(more, []);
    // Its lease is taken and nobody works under it: it goes on when that has run out.
    assert.deepEqual([(failed as ReeveError).reason, (failed as ReeveError).runId], ['timeout', run?.id]);
  });

  it('never creates two runs, and reports when it cannot know whether one exists', async () => {
    const fault = fc.constantFrom<Fault>('none', 'refused', 'lost_before', 'lost_after');
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { maxLength: 7 }), fc.integer({ min: 1, max: 4 }), async (faults, attempts) => {
        const asked = request();
        const outcome = await executorWith({ gatewayRetries: attempts, gatewayCircuitFailures: 99 }, [...faults])
          .execute(asked, 400, never)
          .catch((error: unknown) => error);
        const runs = await runsOf(asked);
        assert.ok(runs.length <= 1, `${runs.length} runs`);
        if (outcome instanceof ReeveError && outcome.runId !== undefined) assert.equal(runs[0]?.id, outcome.runId);
        else if (outcome instanceof ReeveError) {
          assert.deepEqual([outcome.reason, outcome.unsure], ['timeout', true]);
          assert.ok(faults.some((name) => name.startsWith('lost')));
        } else if (outcome instanceof Error) assert.equal(runs.length, 0, 'a plain failure means that there is no run');
        else assert.equal(runs[0]?.id, (outcome as { started: { runId: string } }).started.runId);
      }),
      cases(60),
    );
  });

  it('keeps retries within the deadline, and gives up at once if the next pause does not fit', async () => {
    const parts = { ...engine.parts, config, log: silentLog };
    const slow = createRunExecutor({
      ...parts,
      database: faulty(
        engine.database,
        Array.from({ length: 9 }, () => 'refused'),
      ),
    });
    const startedAt = performance.now();
    await assert.rejects(slow.execute(request(), 300, never));
    assert.ok(performance.now() - startedAt < 2_000);
    const gate = Promise.withResolvers<void>();
    const stuck = createRunExecutor({ ...parts, database: faulty(engine.database, [], gate.promise) });
    const asked = request();
    await assert.rejects(stuck.execute(asked, 100, never), { reason: 'timeout', unsure: true });
    gate.resolve();
    while ((await runsOf(asked))[0]?.status !== 'completed') await sleep(10);
    engine.model.respond(() => ({ hang: true }));
    const late = request();
    await assert.rejects(executorWith().execute(late, 150, never), (error: ReeveError) => {
      assert.deepEqual([error.reason, error.unsure], ['timeout', false]);
      assert.match(error.message, /not finish within 150 ms/);
      return error.runId !== undefined;
    });
  });

  it('opens within 20 calls where four of five runs fail, then dispatches nothing, then one probe a window', async () => {
    let asked = 4;
    let isBroken = true;
    engine.model.respond(() => {
      asked += 1;
      const fails = isBroken && asked % 5 !== 0;
      return fails ? { error: new ReeveError('upstream_error', 'the provider is down') } : { text: 'Done.' };
    });
    const executor = executorWith({ gatewayCircuitResetMs: 300 });
    let calls = 0;
    let refused: ReeveError | undefined;
    while (refused === undefined && calls < 40) {
      calls += 1;
      await executor.execute(request('broken'), undefined, never).catch((error: ReeveError) => {
        if (error.reason === 'circuit_open') refused = error;
        else assert.equal(error.reason, 'upstream_error');
      });
    }
    assert.ok(calls <= 21, `refused at call ${calls}`);
    assert.ok(refused!.retryAfterMs! > 0 && refused!.retryAfterMs! <= 300);
    assert.deepEqual(executor.circuits.open(), { start: false, agents: 1 });
    isBroken = false;
    assert.equal((await executor.execute(request('other'), undefined, never)).ended.result.result, 'Done.');
    isBroken = true;
    await sleep(310);
    for (const expected of ['upstream_error', 'Done.']) {
      asked = expected === 'Done.' ? 4 : 0;
      const before = engine.model.requests.length;
      const answers = await Promise.allSettled(
        Array.from({ length: 10 }, () => executor.execute(request('broken'), undefined, never)),
      );
      assert.equal(engine.model.requests.length - before, 1, 'one probe a window');
      const told = answers.map((answer) =>
        answer.status === 'fulfilled' ? answer.value.ended.result.result : (answer.reason as ReeveError).reason,
      );
      assert.equal(told.filter((one) => one === 'circuit_open').length, 9);
      assert.ok(told.includes(expected));
      await sleep(310);
    }
    assert.deepEqual(executor.circuits.open(), { start: false, agents: 0 });
  });

  it('counts neither the errors of callers, nor callers that leave or ask for less time than the operator allows', async () => {
    const executor = executorWith({ gatewayCircuitFailures: 2 });
    for (let times = 0; times < 4; times++)
      await assert.rejects(executor.execute(request('nobody'), undefined, never), { reason: 'unknown_agent' });
    engine.model.respond(() => ({ hang: true }));
    for (let times = 0; times < 3; times++) {
      const leaving = new AbortController();
      const call = executor.execute(request(), undefined, leaving.signal);
      setTimeout(() => leaving.abort(), 30);
      await assert.rejects(call, { reason: 'cancelled' });
      await assert.rejects(executor.execute(request(), 20, never), { reason: 'timeout' });
    }
    assert.deepEqual(executor.circuits.open(), { start: false, agents: 0 });
  });

  it('counts runs that show no sign of life in the time that the operator allows', async () => {
    engine.model.respond(() => ({ hang: true }));
    const executor = executorWith({ gatewayCircuitFailures: 2, gatewayTimeoutMs: 60 });
    const reasons: string[] = [];
    // On a busy machine the time may be over before there is a run: that is not the agent's doing, and not counted.
    while (reasons.at(-1) !== 'circuit_open' && reasons.length < 30)
      await executor.execute(request(), undefined, never).catch((error: ReeveError) => reasons.push(error.reason));
    assert.deepEqual(new Set(reasons.slice(0, -1)), new Set(['timeout']));
    assert.ok(reasons.length >= 3 && reasons.at(-1) === 'circuit_open', reasons.join());
  });

  it('stops starting runs where none can be started, for every agent alike', async () => {
    const executor = executorWith(
      { gatewayRetries: 1 },
      Array.from({ length: 5 }, () => 'refused'),
    );
    for (const agent of ['counter', 'other', 'broken', 'counter', 'other'])
      await assert.rejects(executor.execute(request(agent), undefined, never), { code: 'ECONNREFUSED' });
    await assert.rejects(executor.execute(request('assistant'), undefined, never), { reason: 'circuit_open' });
    assert.deepEqual(executor.circuits.open(), { start: true, agents: 0 });
  });
});

/** A database whose next transactions meet these faults, each begun only once `gate` opens. */
function faulty(database: Database, faults: Fault[], gate: Promise<void> = Promise.resolve()): Database {
  const db = new Proxy(database.db, {
    get(target, name) {
      if (name !== 'transaction') {
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      }
      return () => ({
        execute: async (work: (tx: never) => Promise<unknown>) => {
          await gate;
          const fault = faults.shift() ?? 'none';
          if (fault === 'refused')
            throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' });
          const lost = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
          const result = await target.transaction().execute(async (tx) => {
            const made = await work(tx as never);
            if (fault === 'lost_before') throw lost;
            return made;
          });
          if (fault === 'lost_after') throw lost;
          return result;
        },
      });
    },
  });
  return { ...database, db };
}
