import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { routes } from '@reeve/contract';
import { silentLog, sleep } from '@reeve/kit';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { priorityOf } from './priority.ts';
import { createOverload, nextLevel } from './overload.ts';
import { until } from '../../test/limit.ts';

describe('overload', { timeout: 60_000 }, () => {
  const open = (maxInFlight: number, maxLoopDelayMs = 0) =>
    createOverload({ config: { maxInFlight, maxLoopDelayMs }, log: silentLog, lookMs: 20 });

  it('puts lists off first, then new work, then the rest, and never what is vital', async () => {
    using overload = open(100);
    const enter = (count: number) => Array.from({ length: count }, () => overload.enter());
    const answered = () =>
      [routes.listRuns, routes.execute, routes.getRun, routes.cancelRun, routes.getHealth]
        .map((route) => (overload.shed(route) === undefined ? 'y' : 'n'))
        .join('');
    const first = enter(74);
    assert.deepEqual([answered(), overload.level()], ['yyyyy', 0]);
    enter(1);
    assert.deepEqual([answered(), overload.health().status], ['nyyyy', 'degraded']);
    enter(25);
    assert.equal(answered(), 'nnyyy');
    const refused = overload.shed(routes.execute)!;
    assert.deepEqual([refused.reason, refused.status], ['unavailable', 503]);
    assert.ok(refused.retryAfterMs! >= 1_000);
    enter(50);
    assert.equal(answered(), 'nnnyy');
    for (const leave of first) {
      leave();
      leave();
    }
    assert.equal(answered(), 'nnnyy', 'until the next look');
    await until('one level less', () => answered() === 'nnyyy');
    await until('another', () => answered() === 'nyyyy');
    await sleep(100);
    assert.equal(answered(), 'nyyyy', 'at 76 of 100');
  });

  it('does not flutter at a threshold', () => {
    const levels = fc.array(fc.integer({ min: 61, max: 99 }), { minLength: 1 });
    fc.assert(
      fc.property(levels, (values) => {
        let level = nextLevel(0, 75, [75, 100, 150]);
        for (const value of values) {
          level = nextLevel(level, value, [75, 100, 150]);
          assert.equal(level, 1);
        }
        assert.equal(nextLevel(level, 59, [75, 100, 150]), 0);
      }),
      cases(),
    );
  });

  it('is seen by the delay of the event loop, not by a single long turn, and passes', async () => {
    using overload = open(0, 50);
    const spin = (ms: number) => {
      for (const end = performance.now() + ms; performance.now() < end;);
    };
    await sleep(100);
    spin(300);
    await sleep(60);
    assert.equal(overload.level(), 0);
    let turns = 0;
    for (; overload.level() < 2 && turns < 100; turns += 1) {
      spin(90);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(overload.shed(routes.execute)?.reason, 'unavailable', `after ${turns} turns`);
    assert.equal(overload.shed(routes.getHealth), undefined);
    await until('calm', () => overload.level() === 0);
  });

  it('is off where nothing is configured', () => {
    using overload = open(0);
    for (let count = 0; count < 5_000; count += 1) overload.enter();
    assert.equal(overload.shed(routes.listRuns), undefined);
  });

  it('lets through what ends work, what work waits for, and what takes a key away', () => {
    for (const route of [
      routes.cancelRun,
      routes.cancelTask,
      routes.cancelWorkflow,
      routes.cancelResponse,
      routes.decideApproval,
      routes.decideTask,
      routes.getHealth,
      routes.getMetrics,
    ])
      assert.equal(priorityOf(route), 'vital', route.path);
    for (const route of [routes.streamRun, routes.streamTasks, routes.watchTasks, routes.listPendingApproval])
      assert.equal(priorityOf(route), 'follow', route.path);
    for (const route of [routes.chat, routes.createTask, routes.companion, routes.putBudget])
      assert.equal(priorityOf(route), 'start', route.path);
    for (const route of [routes.listTasks, routes.getUsage, routes.listModels])
      assert.equal(priorityOf(route), 'list', route.path);
  });
});
