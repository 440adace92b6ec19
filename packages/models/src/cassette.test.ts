import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, it } from 'node:test';
import { silentLog } from '@reeve/kit';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';
import { fingerprint } from './cassette.ts';
import { openModels } from './open.ts';
import {
  collect,
  finishOf,
  KEY,
  keptLedger,
  openTest,
  readSettings,
  request,
  settingsFor,
  signal,
  textOf,
} from '../test/gateway.ts';

let upstream: FakeUpstream;
const directory = mkdtempSync(join(tmpdir(), 'reeve-cassette-'));
before(async () => {
  upstream = await startFakeUpstream();
});
afterEach(() => upstream.reset());
after(async () => {
  rmSync(directory, { recursive: true });
  await upstream[Symbol.asyncDispose]();
});

let count = 0;
function cassette() {
  const path = join(directory, `${(count += 1)}.jsonl`);
  const recording = settingsFor('anthropic', upstream.url, { LLM_CASSETTE: path, LLM_CASSETTE_MODE: 'record' });
  return {
    path,
    record: () => openTest(recording).models,
    replay: () => openModels(readSettings({ LLM_CASSETTE: path }), silentLog),
    lines: () =>
      readFileSync(path, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}
const asking = (text: string) => ({ ...request, messages: [{ role: 'user' as const, text }] });

it('answers from the file what was recorded, in parts, with the ledger, and calls nobody', async () => {
  const { record, replay, lines } = cassette();
  upstream.script([
    { thinking: ['hm'], text: ['a', 'b'], signature: 'S==', usage: { inputTokens: 30, outputTokens: 4 } },
  ]);
  const recorded = await collect(record().stream(request, signal()));
  assert.equal(lines().length, 1);

  const ledger = keptLedger();
  assert.deepEqual(await collect(replay().stream(request, signal(), ledger)), recorded);
  assert.equal(upstream.requests.length, 1);
  assert.equal(finishOf(recorded).provider, 'anthropic');
  assert.equal(ledger.rows[0]!.attempt.provider, 'anthropic');
  assert.deepEqual(ledger.rows[0]!.end?.usage, { input: 30, output: 4, cached: 0, reasoning: 0 });
});

it('answers the same request in the order of the file, other requests apart', async () => {
  const { record, replay } = cassette();
  upstream.script([{ text: ['one'] }, { text: ['other'] }, { text: ['two'] }]);
  const models = record();
  for (const text of ['x', 'y', 'x']) await collect(models.stream(asking(text), signal()));
  const player = replay();
  const said = async (text: string) => textOf(await collect(player.stream(asking(text), signal())));
  assert.deepEqual([await said('x'), await said('x'), await said('y')], ['one', 'two', 'other']);
  await assert.rejects(said('x'), { reason: 'invalid_request', message: /has 2 of this request, and all were used/ });
});

it('says clearly which request has no recording', async () => {
  const { path, replay } = cassette();
  writeFileSync(path, '');
  await assert.rejects(collect(replay().stream({ ...asking('where is it?'), model: 'gpt-5' }, signal())), {
    reason: 'invalid_request',
    message: new RegExp(
      `^The cassette ${path} has no recording of this request \\(fingerprint [0-9a-f]{16}; model gpt-5, 1 messages, the last one user: "where is it\\?"\\)\\. Record it with LLM_CASSETTE_MODE=record\\.$`,
    ),
  });
});

it('repeats a recorded failure, also after part of an answer', async () => {
  const { record, replay } = cassette();
  upstream.script([
    { status: 400, message: 'no such field' },
    { text: ['one ', 'two ', 'three ', 'four '], fault: 'cut' },
  ]);
  const models = record();
  await assert.rejects(collect(models.stream(asking('a'), signal())));
  await assert.rejects(collect(models.stream(asking('b'), signal())));
  const player = replay();
  await assert.rejects(collect(player.stream(asking('a'), signal())), {
    reason: 'invalid_request',
    message: /no such field/,
  });
  let shown = '';
  await assert.rejects(
    async () => {
      for await (const part of player.stream(asking('b'), signal())) if (part.type === 'text') shown += part.delta;
    },
    { reason: 'malformed_answer' },
  );
  assert.match(shown, /^one /);
});

it('records no call that was cancelled or left', async () => {
  const { path, record } = cassette();
  writeFileSync(path, '');
  upstream.respond(() => ({ text: ['one ', 'two ', 'three ', 'four ', 'five ', 'six '], fault: 'hang' }));
  const models = record();
  for await (const _ of models.stream(request, signal())) break;
  const abort = new AbortController();
  await assert.rejects(async () => {
    for await (const _ of models.stream(request, abort.signal)) abort.abort();
  });
  assert.equal(readFileSync(path, 'utf8'), '');
});

it('holds no key, not even where a model says it', async () => {
  const { path, record } = cassette();
  upstream.script([{ text: [`your key is ${KEY}`] }, { status: 401, message: KEY }]);
  const models = record();
  await collect(models.stream(request, signal()));
  await assert.rejects(collect(models.stream(asking(KEY), signal())));
  const written = readFileSync(path, 'utf8');
  assert.ok(!written.includes(KEY));
  assert.match(written, /your key is \*\*\*/);
});

it('keeps lines of parallel calls apart', async () => {
  const { record, replay, lines } = cassette();
  upstream.respond(({ messages }) => ({ text: [messages.at(-1)!.text.repeat(2_000)] }));
  const models = record();
  const texts = Array.from({ length: 20 }, (_, index) => `${index},`);
  await Promise.all(texts.map((text) => collect(models.stream(asking(text), signal()))));
  assert.equal(lines().length, 20);
  const player = replay();
  for (const text of texts)
    assert.equal(textOf(await collect(player.stream(asking(text), signal()))), text.repeat(2_000));
});

it('knows a request again that went through a database', () => {
  const call = { id: '1', name: 'add', input: { b: 1, a: { d: 1, c: 2 } } };
  const stored = { input: { a: { c: 2, d: 1 }, b: 1 }, name: 'add', id: '1' };
  const of = (one: typeof call, more = {}) =>
    fingerprint({ ...request, messages: [{ role: 'assistant', text: '', toolCalls: [one], ...more }] });
  assert.equal(of(call), of(stored));
  assert.equal(of(call), of(call, { providerData: { signature: 'x' } }));
  assert.notEqual(of(call), of({ ...call, input: { b: 2, a: { d: 1, c: 2 } } }));
  assert.notEqual(fingerprint(request), fingerprint({ ...request, temperature: 1 }));
});

it('stops the start where the file is missing or broken, with its line', () => {
  assert.throws(() => cassette().replay(), /LLM_CASSETTE is ".*", but that file cannot be read; record it/);
  const { path, replay } = cassette();
  writeFileSync(path, '\n{"fingerprint": 3}\n');
  assert.throws(replay, /but line 2 of it is no recording of a model call/);
});

it('gives the answer although the file cannot be written', async () => {
  upstream.script([{ text: ['Hi'] }]);
  const config = settingsFor('openai', upstream.url, {
    LLM_CASSETTE: join(directory, 'no/such/place'),
    LLM_CASSETTE_MODE: 'record',
  });
  assert.equal(textOf(await collect(openTest(config).models.stream(request, signal()))), 'Hi');
});
