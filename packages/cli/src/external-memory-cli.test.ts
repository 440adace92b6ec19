import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { startExternalMemory, type TestExternalMemory } from '@reeve/testing';
import { createShell, type TestShell } from '../test/shell.ts';

suite('an external memory on the command line', () => {
  let shell: TestShell;
  let there: TestExternalMemory;
  before(async () => {
    shell = await createShell();
    there = await startExternalMemory();
  });
  after(async () => {
    await there[Symbol.asyncDispose]();
    await shell[Symbol.asyncDispose]();
  });

  const doctor = async (environment: Readonly<Record<string, string>>) => {
    const { stdout } = await shell.run(['doctor', '--json'], { environment });
    const { checks } = JSON.parse(stdout) as { checks: { name: string; state: string; evidence: string }[] };
    return checks.filter(
      ({ name, state }) => name === 'external_memory' || (name === 'configuration' && state !== 'ok'),
    );
  };

  test('doctor says whether it answers, and nothing of it where there is none', async () => {
    assert.deepEqual(await doctor({}), []);
    const host = new URL(there.url).host;
    const [found] = await doctor({ SOMA_BASE_URL: there.url, SOMA_API_KEY: 'key' });
    assert.deepEqual([found!.state, found!.evidence], ['ok', `${host} answers`]);
    there.fault = () => ({ status: 401 });
    const [refused] = await doctor({ SOMA_BASE_URL: there.url, SOMA_API_KEY: 'key' });
    assert.deepEqual([refused!.state, refused!.evidence], ['warn', `${host} does not take SOMA_API_KEY (status 401)`]);
    const before = there.requests.length;
    const [off] = await doctor({ SOMA_BASE_URL: there.url, SOMA_ENABLED: 'false' });
    assert.deepEqual([off!.state, off!.evidence], ['ok', 'switched off by SOMA_ENABLED']);
    assert.equal(there.requests.length, before);
    const [gone] = await doctor({ SOMA_BASE_URL: 'http://127.0.0.1:1' });
    assert.match(`${gone!.state}: ${gone!.evidence}`, /^warn: 127\.0\.0\.1:1 cannot be reached/);
  });

  test('settings that cannot be right are named', async () => {
    for (const [variable, value] of [
      ['SOMA_BASE_URL', 'localhost:9696'],
      ['SOMA_BASE_URL', 'http://ada:secret@localhost:9696'],
      ['SOMA_TENANT_ID', 'two words'],
      ['SOMA_ENABLED', 'perhaps'],
      ['SOMA_API_KEY', 'two\nlines'],
    ] as const) {
      const [wrong] = await doctor({ SOMA_BASE_URL: 'http://127.0.0.1:1', [variable]: value });
      assert.deepEqual([wrong!.name, wrong!.state], ['configuration', 'fail']);
      assert.match(wrong!.evidence, new RegExp(`^${variable} `));
    }
  });

  test('memory search says that what answers is the built-in one', async () => {
    const { code, stderr } = await shell.run(['memory', 'search', 'tea'], {
      environment: { SOMA_BASE_URL: 'http://127.0.0.1:1' },
    });
    assert.deepEqual([code, /the external memory does not answer/.test(stderr)], [0, true], stderr);
  });
});
