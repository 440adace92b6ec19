// runs on: both databases
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { RunEvent } from '@reeve/contract';
import { openTestEngine, passTime, type TestEngine } from '@reeve/testing';
import { sql } from 'kysely';

describe('an asynchronous commit of a tool result', () => {
  let engine: TestEngine;
  let counter = 0;
  /** Resolves with the run's second model call, which is not booked before `release` is called. */
  let asked: Promise<void>;
  let release: () => void;

  before(async () => void (engine = await openTestEngine()));
  after(() => engine[Symbol.asyncDispose]());

  beforeEach(() => {
    const { model } = engine;
    const { stream } = model;
    const reached = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    let calls = 0;
    asked = reached.promise;
    release = () => {
      model.stream = stream;
      gate.resolve();
    };
    model.stream = async function* (...request) {
      calls += 1;
      if (calls === 2) {
        reached.resolve();
        await gate.promise;
      }
      yield* stream(...request);
    };
    counter += 1;
    model.script([{ calls: [{ name: 'count_external', input: { key: `k${counter}` } }] }, { text: 'Done.' }]);
  });

  afterEach(() => release());

  const kinds = async (runId: string) => {
    const steps = await engine.steps(runId);
    return steps.map(({ kind, status }) => `${kind} ${status}`);
  };
  const lsn = async (name: 'insert' | 'flush') => {
    const { rows } = await sql<{ lsn: number }>`
      select (${sql.raw(`pg_current_wal_${name}_lsn()`)} - '0/0')::float8 as lsn`.execute(engine.database.db);
    return rows[0]!.lsn;
  };

  it('is in the database before the next model call is booked', async () => {
    const { runId } = await engine.start('early');
    await asked;
    assert.deepEqual(await kinds(runId), ['model settled', 'tool settled', 'model pending']);
    const booked = await engine.database.db
      .selectFrom('model_calls')
      .select('step')
      .where('run_id', '=', runId)
      .execute();
    assert.deepEqual(booked, [{ step: 1 }]);
    release();
    await engine.wait(runId);
  });

  it('reaches readers that follow with the booking, and readers of the table once it is durable', async () => {
    const { runId } = await engine.start('readers');
    const followed: RunEvent[] = [];
    const isFollowed = Promise.withResolvers<void>();
    const following = (async () => {
      for await (const event of engine.feed.follow('default', runId, 0, AbortSignal.timeout(30_000))) {
        followed.push(event);
        if (event.type === 'tool_call') isFollowed.resolve();
      }
    })();
    await Promise.all([asked, isFollowed.promise]);
    const written = await lsn('insert');
    assert.ok(!followed.some(({ type }) => type === 'tool_result'));
    assert.equal((await engine.event(runId, 'tool_result')).name, 'count_external');
    if (engine.database.kind === 'postgres')
      assert.ok((await lsn('flush')) >= written, 'it was read before it was durable');
    release();
    await following;
    assert.deepEqual(
      followed.map(({ seq }) => seq),
      followed.map((_, index) => index + 1),
    );
    assert.equal(followed.filter(({ type }) => type === 'tool_result').length, 1);
  });

  it('ends the work of this process where a crash of the database took it back, and the next holder repeats the step', async () => {
    const { database } = engine;
    const doomed = engine.startWorker('doomed', 60_000);
    const { runId } = await engine.start('taken back', { worker: doomed });
    await asked;
    await database.db.transaction().execute(async (tx) => {
      await tx.deleteFrom('steps').where('run_id', '=', runId).where('number', '=', 3).execute();
      await tx.deleteFrom('events').where('run_id', '=', runId).where('type', '=', 'tool_result').execute();
      await sql`update steps set status = 'pending', output = null, outcome = null, ended_at = null
        where run_id = ${runId} and number = 2`.execute(tx);
    });
    release();
    await doomed[Symbol.asyncDispose]();
    assert.deepEqual(await kinds(runId), ['model settled', 'tool pending']);
    await passTime(database, 61_000);
    await engine.worker.runOnce(1);
    assert.equal((await engine.run(runId)).waiting_for, 'approval', 'its outcome is unknown, so people are asked');
  });
});
