import assert from 'node:assert/strict';
import { after, afterEach, before, it } from 'node:test';
import { z } from 'zod';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';
import { generateObject } from './generate-object.ts';
import { keptLedger, openTest, REMOTES, request, settingsFor, signal } from '../test/gateway.ts';

let upstream: FakeUpstream;
before(async () => {
  upstream = await startFakeUpstream();
});
afterEach(() => upstream.reset());
after(() => upstream[Symbol.asyncDispose]());

const schema = z.object({
  city: z.string(),
  people: z
    .int()
    .min(0)
    .transform((count) => count / 1_000),
});
const usage = { inputTokens: 100, outputTokens: 10 };
const gateway = (provider = REMOTES[0]!, model = 'gpt-4o') =>
  openTest(settingsFor(provider, upstream.url, { LLM_MODEL: model })).models;

for (const provider of REMOTES) {
  it(`makes an object with ${provider}, asked with the schema`, async () => {
    upstream.script([{ text: ['{"city": "Bo', 'nn", "people": 340000}'] }]);
    const { value } = await generateObject(gateway(provider, 'some-model'), { request, schema, signal: signal() });
    assert.deepEqual(value, { city: 'Bonn', people: 340 });
    const body = JSON.stringify(upstream.requests[0]!.body);
    assert.match(body, /It must fit this JSON Schema/);
    assert.match(body, /json_schema|responseJsonSchema|responseSchema|input_schema|"format":\{/);
    assert.match(body, /Be brief\./, 'the system prompt stays');
  });
}

it('takes JSON out of a code fence', async () => {
  upstream.script([{ text: ['```json\n{"city": "Bonn", "people": 0}\n```'] }]);
  assert.equal((await generateObject(gateway(), { request, schema, signal: signal() })).value.city, 'Bonn');
});

it('shows the model once what was wrong, and adds up what both calls took', async () => {
  upstream.script([
    { text: ['{"city": 7, "people": -1}'], usage },
    { text: ['{"city": "Bonn", "people": 1000}'], usage },
  ]);
  const ledger = keptLedger();
  const made = await generateObject(gateway(), { request, schema, signal: signal(), ledger });
  assert.deepEqual(made.value, { city: 'Bonn', people: 1 });
  assert.equal(made.usage.inputTokens, 200);
  assert.equal(made.usage.outputTokens, 20);
  assert.equal(made.costNano, 2 * (100 * 2_500 + 10 * 10_000));
  assert.equal(ledger.rows.length, 2);
  const shown = upstream.requests[1]!.messages.slice(-2);
  assert.equal(shown[0]!.text, '{"city": 7, "people": -1}');
  assert.match(shown[1]!.text, /- city: Invalid input: expected string, received number\n- people: Too small/);
});

it('gives up after one repair, with what was wrong', async () => {
  upstream.script([{ text: ['no idea'] }, { text: ['{"city": "Bonn"}'] }]);
  await assert.rejects(generateObject(gateway(), { request, schema, signal: signal() }), {
    reason: 'malformed_answer',
    message: /nor after one repair: people: Invalid input/,
  });
  assert.equal(upstream.requests.length, 2);
});

it('says that an answer was cut off by its limit', async () => {
  upstream.respond(() => ({ text: ['{"city": "Bo'], finish: 'length' }));
  await assert.rejects(generateObject(gateway(), { request, schema, signal: signal() }), {
    message: /it is not JSON: it was cut off by the limit on its length/,
  });
});

it('hands on what the call failed with', async () => {
  upstream.script([{ status: 401 }]);
  await assert.rejects(generateObject(gateway(), { request, schema, signal: signal() }), {
    reason: 'provider_key_refused',
  });
});
