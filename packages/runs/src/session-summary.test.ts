// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { inTenant } from '@reeve/db';
import { newId, ReeveError } from '@reeve/kit';
import { removeSession } from '@reeve/memory';
import { openTestEngine, requester, type TestEngine } from '@reeve/testing';

/** About a thousand tokens; the model has room for 3,600 before messages are summed up. */
const LONG = 'x'.repeat(4_000);

describe('the summary of a session', () => {
  let engine: TestEngine;
  before(async () => {
    engine = await openTestEngine();
    await engine.makeAgent('talker', { tools: [] });
    const { describe: original } = engine.model;
    engine.model.describe = (model) => ({ ...original(model), contextTokens: 4_500, maxOutputTokens: 500 });
  });
  after(() => engine[Symbol.asyncDispose]());

  /** Asks in the session; the model says these texts. Returns what it was asked for each, and what became of the run. */
  async function ask(sessionId: string, input: string, ...says: readonly (string | ReeveError)[]) {
    engine.model.script(says.map((said) => (typeof said === 'string' ? { text: said } : { error: said })));
    const asked = engine.model.requests.length;
    const { runId } = await engine.start(input, { agent: 'talker', sessionId });
    const { result } = await engine.finish(runId);
    const steps = await engine.steps(runId);
    return {
      answer: result.result,
      requests: engine.model.requests.slice(asked).map(({ messages }) => messages),
      kinds: steps.map(({ kind }) => kind),
      summary: steps.find(({ kind }) => kind === 'compaction')?.output as
        | { reused?: true; messages: number }
        | undefined,
    };
  }

  const fill = async (sessionId: string): Promise<void> => {
    await ask(sessionId, `One ${LONG}`, `First ${LONG}`);
    await ask(sessionId, `Two ${LONG}`, `Second ${LONG}`);
    const third = await ask(sessionId, `Three ${LONG}`, 'They said one and two.', 'Third.');
    assert.deepEqual([third.answer, third.summary?.reused], ['Third.', undefined]);
  };

  it('is used by later runs, which add to it only once there is no more room', async () => {
    const sessionId = newId();
    await fill(sessionId);
    const fourth = await ask(sessionId, 'Four', 'Fourth.');
    assert.deepEqual([fourth.answer, fourth.summary?.reused], ['Fourth.', true]);
    assert.deepEqual(fourth.kinds, ['model', 'compaction', 'model']);
    const [shown] = fourth.requests;
    assert.match(JSON.stringify(shown![0]), /They said one and two\./);
    assert.ok(!JSON.stringify(shown).includes('One x'), 'what was summed up is not shown again');
    assert.deepEqual(
      shown!.slice(-3).map((message) => message.role === 'tool' || message.text.slice(0, 8)),
      ['Three xx', 'Third.', 'Four'],
    );

    const again = await ask(sessionId, 'Again', 'Again.');
    assert.deepEqual(again.requests[0]!.slice(0, shown!.length), shown, 'what providers keep in their cache');

    const fifth = await ask(sessionId, `Five ${LONG.repeat(3)}`, 'They said one to four.', 'Fifth.');
    assert.deepEqual([fifth.answer, fifth.summary?.reused], ['Fifth.', undefined]);
    assert.match(JSON.stringify(fifth.requests[0]), /Summary of what came before:\\nThey said one and two\./);
    assert.ok(!JSON.stringify(fifth.requests[0]).includes('One x'), 'only what is new is summed up');
    assert.ok(fifth.summary!.messages > fourth.summary!.messages);
    assert.match(JSON.stringify((await ask(sessionId, 'Six', 'Sixth.')).requests[0]![0]), /They said one to four\./);
  });

  it('is not the last word where the provider finds it too long all the same', async () => {
    const sessionId = newId();
    await fill(sessionId);
    const tooLong = new ReeveError('context_too_long', 'too many tokens');
    const fourth = await ask(sessionId, 'Four', tooLong, 'They said one to three.', 'Fourth.');
    assert.equal(fourth.answer, 'Fourth.');
    assert.deepEqual(fourth.kinds, ['model', 'compaction', 'model', 'compaction', 'model']);
  });

  it('is not used where all messages have room', async () => {
    const sessionId = newId();
    await fill(sessionId);
    const { describe: small } = engine.model;
    engine.model.describe = (model) => ({ ...small(model), contextTokens: 45_000 });
    try {
      const fourth = await ask(sessionId, 'Four', 'Fourth.');
      assert.deepEqual([fourth.kinds, fourth.requests[0]!.length], [['model'], 7]);
    } finally {
      engine.model.describe = small;
    }
  });

  it('goes with its session: another one of the same id begins without it', async () => {
    const sessionId = newId();
    await fill(sessionId);
    await inTenant(engine.database.db, 'default', (tx) => removeSession(tx, requester, sessionId));
    await ask(sessionId, `New ${LONG}`, `One ${LONG}`);
    await ask(sessionId, `New ${LONG}`, `Two ${LONG}`);
    const third = await ask(sessionId, `New ${LONG}`, 'A new summary.', 'Three.');
    assert.equal(third.summary?.reused, undefined);
    assert.ok(!JSON.stringify(third.requests).includes('They said'), 'nothing of the session that was deleted');
  });
});
