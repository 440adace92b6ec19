import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';
import { createShell, type TestShell } from '../test/shell.ts';

type Row = [name: string, state: string];

suite('models on the command line', () => {
  let shell: TestShell;
  let upstream: FakeUpstream;
  before(async () => {
    shell = await createShell();
    upstream = await startFakeUpstream();
  });
  after(async () => {
    await upstream[Symbol.asyncDispose]();
    await shell[Symbol.asyncDispose]();
  });

  async function tryModel(): Promise<{ code: unknown; ok: boolean; rows: Row[]; evidence: string }> {
    const { code, stdout } = await shell.run(['models', 'test', '--json'], { environment: upstream.environment });
    const { ok, checks } = JSON.parse(stdout) as {
      ok: boolean;
      checks: { name: string; state: string; evidence: string }[];
    };
    return {
      code,
      ok,
      rows: checks.map(({ name, state }) => [name, state]),
      evidence: checks.map(({ evidence }) => evidence).join('\n'),
    };
  }

  test('test says that a good model streams, calls tools and answers JSON', async () => {
    upstream.respond(({ body }) => {
      if ('tools' in body) return { toolCalls: [{ name: 'record_temperature', input: { city: 'Bern', celsius: 21 } }] };
      return {
        text: 'response_format' in body ? ['{"city":"Bern",', '"celsius":21}'] : ['Red, ', 'green.'],
        pauseMs: 5,
      };
    });
    const { code, ok, rows, evidence } = await tryModel();
    assert.deepEqual(rows, [
      ['server', 'ok'],
      ['answer', 'ok'],
      ['streaming', 'ok'],
      ['tools', 'ok'],
      ['json', 'ok'],
    ]);
    assert.deepEqual([code, ok], [0, true]);
    assert.match(evidence, /first word after \d+ ms, \d+ tokens\/s/);
  });

  test('test says what will not work with a model that only talks', async () => {
    upstream.respond(() => ({ text: ['It is warm in Bern.'] }));
    const { code, rows, evidence } = await tryModel();
    assert.equal(code, 0, 'warnings do not count');
    assert.deepEqual(rows, [
      ['server', 'ok'],
      ['answer', 'ok'],
      ['streaming', 'warn'],
      ['tools', 'warn'],
      ['json', 'warn'],
    ]);
    assert.match(evidence, /it called no tool, and said: It is warm in Bern\./);
  });

  test('test says that the built-in model answers, calls tools and answers JSON, with what it was told', async () => {
    const { code, stdout } = await shell.run(['models', 'test', '--json'], { environment: { LLM_PROVIDER: 'mock' } });
    const { checks } = JSON.parse(stdout) as { checks: { name: string; state: string; evidence: string }[] };
    const ofModel = checks.filter(({ name }) => name !== 'streaming');
    assert.deepEqual(
      [code, ...ofModel.map(({ name, state }) => [name, state])],
      [0, ['answer', 'ok'], ['tools', 'ok'], ['json', 'ok']],
    );
    for (const { evidence } of ofModel.slice(1)) assert.match(evidence, /\{"city":"Bern","celsius":21\}/);
  });

  test('test fails where nobody answers, and says what the server said', async () => {
    const environment = { ...upstream.environment, LLM_BASE_URL: 'http://127.0.0.1:59999/v1' };
    const { code, stdout } = await shell.run(['models', 'test', '--json'], { environment });
    const { checks } = JSON.parse(stdout) as { checks: { name: string; state: string; evidence: string }[] };
    assert.deepEqual([code, ...checks.map(({ name, state }) => [name, state])], [1, ['answer', 'fail']]);
    assert.match(checks[0]!.evidence, /ECONNREFUSED|reach|connect/);
  });

  test('list shows the built-in model and the agents', async () => {
    const { code, stdout } = await shell.run(['models', 'list', '--json']);
    const { data } = JSON.parse(stdout) as { data: { id: string }[] };
    assert.equal(code, 0);
    for (const id of ['mock', 'agent/assistant'])
      assert.ok(
        data.some((model) => model.id === id),
        `${id} is there`,
      );
  });
});
