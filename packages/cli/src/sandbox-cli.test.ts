import assert from 'node:assert/strict';
import { parseEnv } from 'node:util';
import { after, before, suite, test } from 'node:test';
import { createShell, type TestShell } from '../test/shell.ts';

suite('the sandbox of another process on the command line', () => {
  let shell: TestShell;
  before(async () => void (shell = await createShell()));
  after(() => shell[Symbol.asyncDispose]());

  test('certs prints settings under which the role sandbox serves, and doctor finds it, or says that it is gone', async () => {
    const made = await shell.run(['certs', 'certs', '--host', 'sandbox.internal']);
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stderr, /may be called localhost, 127\.0\.0\.1, ::1, .*sandbox\.internal/);
    const tls = parseEnv(made.stdout) as Record<string, string>;
    assert.equal(Object.keys(tls).length, 5);
    const again = await shell.run(['certs', 'certs']);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /already holds ca\.crt/);

    const server = shell.startProcess(['serve', '--roles', 'sandbox'], { environment: { ...tls, SANDBOX_PORT: '0' } });
    await server.printed('workspaces');
    const target = /Reeve listens on https:\/\/(\S+)/.exec(server.shown())![1]!;
    const doctor = async (environment: Readonly<Record<string, string>>) => {
      const { code, stdout } = await shell.run(['doctor', '--json'], { environment });
      const { checks } = JSON.parse(stdout) as { checks: { name: string; state: string; evidence: string }[] };
      return { code, sandbox: checks.filter(({ name }) => name.startsWith('sandbox')) };
    };
    const found = await doctor({ ...tls, SANDBOX_TARGET: target });
    assert.deepEqual(
      found.sandbox.map(({ name, state }) => [name, state]),
      [['sandbox_remote', 'ok']],
    );
    assert.match(found.sandbox[0]!.evidence, /runs .*read_file/);
    const stranger = await doctor({ SANDBOX_TARGET: target });
    assert.equal(stranger.sandbox[0]!.state, 'fail', 'without a certificate nothing is said');

    const broken = await doctor({ ...tls, TLS_CA_CERT_PATH: '/nowhere/ca.crt', SANDBOX_TARGET: target });
    assert.match(broken.sandbox[0]!.evidence, /TLS_CA_CERT_PATH is .*cannot be read/);

    server.signal('SIGTERM');
    assert.equal((await server.ended).code, 0);
    const gone = await doctor({ ...tls, SANDBOX_TARGET: target });
    assert.deepEqual([gone.code, gone.sandbox[0]!.state], [1, 'fail']);
    assert.match(gone.sandbox[0]!.evidence, /cannot be reached: nobody listens there/);
  });
});
