// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { ReeveError } from '@reeve/kit';
import { sql } from 'kysely';
import { openTestEngine, type TestEngine } from '@reeve/testing';

describe('the limits of a run', () => {
  let engine: TestEngine;
  before(async () => {
    engine = await openTestEngine();
    await engine.makeAgent('patient', { limits: { max_steps: 400 } });
  });
  after(() => engine[Symbol.asyncDispose]());
  beforeEach(() => {
    engine.model.script([]);
    engine.counted.clear();
  });

  const call = (key: string, name = 'count_none') => ({ name, input: { key } });

  it('stop an agent that makes the same call with the same result for the third time', async () => {
    engine.model.script(Array.from({ length: 6 }, () => ({ calls: [call('same')] })));
    const { runId } = await engine.start('circles', { agent: 'patient' });
    await assert.rejects(engine.wait(runId), { reason: 'limit_reached', message: /count_none three times.*circles/ });
    assert.equal(engine.counted.get('same'), 3);
  });

  it('let it make different calls, and the same one several times in one turn', async () => {
    engine.model.script([
      { calls: [call('a'), call('a'), call('a'), call('a')] },
      { calls: [call('b')] },
      { calls: [call('a')] },
      { text: 'Done.' },
    ]);
    const { runId } = await engine.start('varied', { agent: 'patient' });
    assert.equal((await engine.wait(runId)).result.result, 'Done.');
  });

  it('sum up the oldest messages where the context outgrows the model, say so, and lose nothing', async () => {
    const long = 'x'.repeat(4_000);
    const original = engine.model.describe;
    engine.model.describe = (model) => ({ ...original(model), contextTokens: 4_500, maxOutputTokens: 500 });
    try {
      engine.model.script([
        ...Array.from({ length: 4 }, (_, n) => ({ text: `Step ${n}. ${long}`, calls: [call(`k${n}`)] })),
        { text: 'They counted k0 to k3.' },
        { text: 'The end.' },
      ]);
      const { runId } = await engine.start('long', { agent: 'patient' });
      assert.equal((await engine.wait(runId)).result.result, 'The end.');
      const { messages } = engine.model.requests.at(-1)!;
      const [summary] = messages;
      assert.ok(summary?.role === 'user' && /They counted k0 to k3\./.test(summary.text) && /long/.test(summary.text));
      assert.notEqual(messages[1]?.role, 'tool', 'no result without its call');
      const kinds = (await engine.steps(runId)).map(({ kind, outcome }) => `${kind}:${outcome}`);
      assert.ok(kinds.includes('compaction:success') && kinds.includes('model:context_too_long'), kinds.join(' '));
      assert.ok((await engine.events(runId)).some((event) => event.type === 'system' && event.phase === 'compacted'));
      assert.equal((await engine.steps(runId)).filter(({ kind }) => kind === 'tool').length, 4);
    } finally {
      engine.model.describe = original;
    }
  });

  it('take the beginnings of messages where the model cannot sum them up, and sum up what a provider finds too long', async () => {
    const tooLong = new ReeveError('context_too_long', 'too many tokens');
    engine.model.script([
      { text: 'I count.', calls: [call('p')] },
      { text: 'Again.', calls: [call('q')] },
      { error: tooLong },
      { error: new ReeveError('upstream_error', 'down') },
      { text: 'Well.' },
    ]);
    const { runId } = await engine.start('refused', { agent: 'patient' });
    assert.equal((await engine.wait(runId)).result.result, 'Well.');
    const [summary] = engine.model.requests.at(-1)!.messages;
    assert.ok(summary?.role === 'user' && /No model could sum them up/.test(summary.text));
  });

  it('sum up what a server cut without a word, void its answer, and make the call again', async () => {
    engine.model.script([
      { text: 'I count.', calls: [call('cut')] },
      { text: 'Of the rest.', calls: [call('never')], error: new ReeveError('context_truncated', 'it read half') },
      { text: 'They counted.' },
      { text: 'Well.' },
    ]);
    const { runId } = await engine.start('cut', { agent: 'patient' });
    assert.equal((await engine.wait(runId)).result.result, 'Well.');
    assert.equal(engine.counted.get('never'), undefined);
    const steps = (await engine.steps(runId)).map(({ kind, outcome }) => `${kind}:${outcome}`);
    assert.deepEqual(steps.slice(2, 4), ['model:context_truncated', 'compaction:success']);
    assert.ok((await engine.events(runId)).some((event) => event.type === 'system' && event.discard_step === 3));

    const error = new ReeveError('context_truncated', 'it read half');
    engine.model.script([{ error }, { error }]);
    const alone = await engine.start('cut alone', { agent: 'patient' });
    await assert.rejects(engine.wait(alone.runId), { reason: /^context_t/ });
  });

  it('end a run whose model thought until its output limit and said nothing', async () => {
    engine.model.script([{ text: ' \n', finish: 'length' }]);
    const { runId } = await engine.start('thinking');
    await assert.rejects(engine.wait(runId), { reason: 'limit_reached', message: /5 output tokens.*still thinking/ });
    engine.model.script([{ text: 'As far as it g', finish: 'length' }]);
    assert.equal((await engine.wait((await engine.start('cut')).runId)).result.result, 'As far as it g');
  });

  it('end a run whose latest turn alone is too long, with a reason', async () => {
    const tooLong = new ReeveError('context_too_long', 'too many tokens');
    engine.model.script([{ error: tooLong }, { error: tooLong }]);
    const { runId } = await engine.start('huge', { agent: 'patient' });
    await assert.rejects(engine.wait(runId), { reason: 'context_too_long' });
  });

  it('make calls without effects side by side, and others one after another', async () => {
    const gate = Promise.withResolvers<void>();
    engine.gates.set('first', gate.promise);
    engine.model.script([{ calls: [call('first'), call('second')] }, { text: 'Done.' }]);
    const started = await engine.start('together', { agent: 'patient' });
    while (engine.counted.get('second') !== 1) await new Promise((resolve) => setTimeout(resolve, 5));
    gate.resolve();
    await engine.wait(started.runId);
    const order = (await engine.events(started.runId)).flatMap((event) =>
      event.type === 'tool_result' ? [(event.output as { key: string }).key] : [],
    );
    assert.deepEqual(order, ['second', 'first']);

    const held = Promise.withResolvers<void>();
    engine.gates.set('third', held.promise);
    engine.model.script([{ calls: [call('third', 'count_external'), call('fourth')] }, { text: 'Done.' }]);
    const { runId } = await engine.start('in order', { agent: 'patient' });
    while (engine.counted.get('third') !== 1) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(engine.counted.get('fourth'), undefined);
    held.resolve();
    await engine.wait(runId);
    assert.equal(engine.counted.get('fourth'), 1);
  });

  it('stores a long run in space that grows with its length', async () => {
    const filler = (n: number) => `${n} `.repeat(500);
    engine.model.script([...Array.from({ length: 60 }, (_, n) => ({ calls: [call(filler(n))] })), { text: 'Done.' }]);
    const { runId } = await engine.start('store', { agent: 'patient' });
    await engine.wait(runId);
    const { rows } = await sql<{ steps: number; events: number; messages: number }>`
      select (select sum(length(input::text) + coalesce(length(output::text), 0)) from steps where run_id = ${runId})::int as steps,
        (select sum(length(data::text)) from events where run_id = ${runId})::int as events,
        (select sum(coalesce(length(content), 0)) from messages where run_id = ${runId})::int as messages`.execute(
      engine.database.db,
    );
    const stored = rows[0]!;
    // Each call is one input and one result of the same length.
    const distinct = Array.from({ length: 60 }, (_, n) => filler(n).length * 2).reduce((sum, size) => sum + size, 0);
    const all = stored.steps + stored.events + stored.messages;
    assert.ok(all <= 1.5 * distinct, `${JSON.stringify(stored)} for ${distinct}`);
  });
});
