// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { RecallInput } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import { newId, ReeveError, silentLog } from '@reeve/kit';
import { createLedger } from '@reeve/ledger';
import { openTestEngine, passTime, type TestEngine } from '@reeve/testing';
import { recall, remember } from '../memories.ts';
import { extractNext } from './extract.ts';
import { startMemoryExtractor } from './extractor.ts';
import { DEFAULT_RULES } from './sensitive.ts';

const SAID = 'Hello, I am Ada and I prefer tea over coffee. What is two and two?';
const factsOf = (...facts: string[]) => ({ text: JSON.stringify({ facts }) });

describe('facts from conversations', () => {
  let engine: TestEngine;
  let rules = { ...DEFAULT_RULES, extract: true };
  const never = new AbortController().signal;
  const parts = () => ({
    database: engine.database,
    models: engine.model,
    ledgerFor: (owner: Parameters<typeof createLedger>[1]) => createLedger(engine.database, owner, silentLog),
    rulesOf: async () => rules,
    log: silentLog,
  });
  const waiting = () => engine.database.db.selectFrom('memory_extractions').select(['run_id', 'attempts']).execute();
  const memories = () =>
    engine.database.db.selectFrom('memories').select(['text', 'tags', 'run_id', 'session_id']).orderBy('id').execute();
  const talk = async (said = SAID) => {
    const { runId } = await engine.start(said);
    await engine.wait(runId);
    return engine.run(runId);
  };

  before(async () => void (engine = await openTestEngine({ memoryRulesOf: async () => rules })));
  beforeEach(async () => {
    rules = { ...DEFAULT_RULES, extract: true };
    for (const table of [
      'memory_extractions',
      'memories',
      'lexical_entries',
      'lexical_terms',
      'lexical_spaces',
    ] as const)
      await engine.database.db.deleteFrom(table).execute();
    engine.model.requests.length = 0;
  });
  after(() => engine[Symbol.asyncDispose]());

  it('are remembered with the run that they are from, once, and are paid for by the tenant', async () => {
    engine.model.script([{ text: 'Four, Ada.' }, factsOf('Ada prefers tea over coffee')]);
    const run = await talk();
    assert.equal(await extractNext(parts(), never), true);
    assert.equal(await extractNext(parts(), never), false);
    assert.deepEqual(await memories(), [
      { text: 'Ada prefers tea over coffee', tags: ['extracted'], run_id: run.id, session_id: run.session_id },
    ]);
    const asked = engine.model.requests.at(-1)!;
    assert.deepEqual(
      asked.context.map(({ text }) => text),
      [SAID, 'Four, Ada.'],
    );
    assert.ok(!asked.system.includes('Ada') && !JSON.stringify(asked.messages).includes('Ada'), 'it is told as data');
    const calls = await engine.database.db.selectFrom('model_calls').selectAll().where('run_id', '=', run.id).execute();
    const booked = calls.filter(({ step }) => step === null);
    assert.deepEqual(
      booked.map(({ tenant_id, user_id, input_tokens }) => [tenant_id, user_id, Number(input_tokens)]),
      [['default', 'ada', 10]],
    );
  });

  it('are not looked for where nobody has switched it on, or has switched it off since', async () => {
    rules = DEFAULT_RULES;
    engine.model.script([{ text: 'Four.' }]);
    await talk();
    assert.deepEqual(await waiting(), []);
    rules = { ...DEFAULT_RULES, extract: true };
    engine.model.script([{ text: 'Four.' }]);
    await talk();
    rules = DEFAULT_RULES;
    assert.equal(await extractNext(parts(), never), true);
    assert.deepEqual([await waiting(), await memories(), engine.model.requests.length], [[], [], 2]);
  });

  it('are not looked for where the persona has been deleted since', async () => {
    engine.model.script([{ text: 'Four.' }]);
    await talk();
    await engine.database.db.updateTable('memory_extractions').set({ persona_id: newId() }).execute();
    engine.model.script([factsOf('Ada prefers tea over coffee')]);
    assert.equal(await extractNext(parts(), never), true);
    assert.deepEqual([await waiting(), await memories(), engine.model.requests.length], [[], [], 1]);
    engine.model.script([]);
  });

  it('are not looked for by the built-in mock, which is no language model', async () => {
    engine.model.script([{ text: 'Four.' }]);
    await talk();
    const describe = () => ({ ...engine.model.describe(null), provider: 'mock' });
    assert.equal(await extractNext({ ...parts(), models: { ...engine.model, describe } }, never), true);
    assert.deepEqual([await waiting(), await memories(), engine.model.requests.length], [[], [], 1]);
  });

  it('go by the rules: secrets and what was not said are left out, what is known already is told and stays one', async () => {
    await inTenant(engine.database.db, 'default', (tx) =>
      remember(
        tx,
        { tenantId: 'default', userId: 'ada', traceId: 't' },
        { text: 'Ada prefers tea over coffee', tags: ['own'] },
        rules,
      ),
    );
    engine.model.script([
      { text: 'Noted.' },
      factsOf(
        'Ada prefers the tea over coffee',
        'Ada’s password: hunter2',
        'The moon orbits Jupiter twice',
        'Ada asked about two',
      ),
    ]);
    await talk('I am Ada, my password: hunter2, and I prefer tea over coffee. What is two and two?');
    await extractNext(parts(), never);
    assert.deepEqual(
      (await memories()).map(({ text, tags }) => [text, tags]),
      [
        ['Ada prefers tea over coffee', ['own', 'extracted']],
        ['Ada asked about two', ['extracted']],
      ],
    );
    assert.match(engine.model.requests.at(-1)!.context.at(-1)!.source, /remembered already/);
  });

  it('are looked for again where a process died or the model failed, five times at most', async () => {
    engine.model.script([{ text: 'Four.' }, { hang: true }]);
    await talk();
    const dying = new AbortController();
    const killed = extractNext(parts(), dying.signal);
    while (engine.model.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(await extractNext(parts(), never), false, 'it is taken');
    // What a killed process leaves: a note whose time runs out. It comes back to life when somebody else has been there.
    await passTime(engine.database, 401_000);
    engine.model.script([factsOf('Ada prefers tea over coffee')]);
    assert.equal(await extractNext(parts(), never), true);
    dying.abort();
    await killed;
    assert.deepEqual([(await memories()).length, await waiting()], [1, []]);

    engine.model.script([
      { text: 'Four.' },
      ...Array.from({ length: 5 }, () => ({ error: new ReeveError('upstream_error', 'no') })),
    ]);
    await talk();
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      assert.equal(await extractNext(parts(), never), true, `attempt ${attempt}`);
      assert.equal(await extractNext(parts(), never), false, 'it waits');
      await passTime(engine.database, 3_600_000);
    }
    assert.deepEqual([await waiting(), engine.model.waiting], [[], 0]);
  });

  it('are found in the background, by several processes at once, each conversation once', async () => {
    engine.model.respond(({ system }) =>
      system.includes('long-term memory')
        ? factsOf('Ada prefers tea over coffee', 'Ada is curious about two')
        : { text: 'Four.' },
    );
    for (let n = 0; n < 3; n += 1) await talk();
    await using _one = startMemoryExtractor(parts(), { pauseMs: 5, lookMs: 5 });
    await using _other = startMemoryExtractor(parts(), { pauseMs: 5, lookMs: 5 });
    while ((await waiting()).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(engine.model.requests.filter(({ system }) => system.includes('long-term memory')).length, 3);
    assert.equal((await memories()).length, 2);
    const { matches: found } = await inTenant(engine.database.db, 'default', (tx) =>
      recall(tx, 'default', RecallInput.parse({ query: 'coffee' })),
    );
    assert.deepEqual(
      found.map(({ text }) => text),
      ['Ada prefers tea over coffee'],
    );
  });
});
