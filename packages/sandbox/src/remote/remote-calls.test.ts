import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import { createClient } from '@connectrpc/connect';
import { Programs } from '@reeve/contract/proto/reeve/v1/programs';
import { silentLog } from '@reeve/kit';
import { fromConnectError, openChannel } from '@reeve/rpc';
import { processesIn } from '../../test/hostile-conformance.ts';
import { openSandbox } from '../open.ts';
import { openRemoteTestSandbox, SECRET, type RemoteTestSandbox } from '../../test/remote-conformance.ts';
import { createRemoteDriver, type RemoteDriver } from './driver.ts';
import type { SandboxRequest } from '../sandbox.ts';

const sandbox = await openSandbox({ sandboxBackend: 'bubblewrap' }, silentLog);
await sandbox.whenProbed();
after(() => sandbox[Symbol.asyncDispose]());
const skip = sandbox.unavailable('bash') ?? false;
/** How long a caller may be silent in these tests: they say that they are there every five seconds. */
const SILENT_MS = 7_000;

describe('programs in another process', { skip, timeout: 120_000 }, () => {
  let workspace: string;
  let place: RemoteTestSandbox;
  const stack = new AsyncDisposableStack();
  const started: ChildProcess[] = [];
  before(async () => {
    workspace = await mkdtemp(join(tmpdir(), 'reeve-remote-'));
    place = stack.use(await openRemoteTestSandbox(sandbox, tmpdir(), { silentMs: SILENT_MS }));
  });
  after(async () => {
    for (const child of started) child.kill('SIGKILL');
    await stack.disposeAsync();
    await rm(workspace, { recursive: true, force: true });
  });
  const exec = (request: Partial<SandboxRequest>, driver: RemoteDriver = place.driver) =>
    driver.exec(
      { language: 'bash', code: '', workspace, timeoutMs: 30_000, maxOutputBytes: 50_000, ...request },
      new AbortController().signal,
    );
  const start = (...args: string[]): ChildProcess => {
    const child = fork(new URL('../../test/remote-process.ts', import.meta.url), args);
    started.push(child);
    return child;
  };
  const driverFor = (target: string, internalSecret: string, roots = { work: tmpdir() }) => {
    const channel = stack.use(openChannel({ target, tls: undefined, internalSecret }));
    return { channel, driver: createRemoteDriver({ channel, roots }) };
  };

  it('run for roles of Reeve alone', async () => {
    const { driver } = driverFor(place.target, 'another-secret');
    await assert.rejects(exec({ code: 'touch ran' }, driver), { reason: 'forbidden', unsure: false });
    assert.equal(existsSync(join(workspace, 'ran')), false);
  });

  it('are refused where they cannot be, with the reason', async () => {
    const { channel } = driverFor(place.target, SECRET);
    const client = createClient(Programs, channel.transport);
    const first = async (input: Parameters<typeof inputsOf>[0]) => {
      try {
        for await (const _ of client.exec(inputsOf(input))) assert.fail('it answered');
      } catch (thrown) {
        const { reason, message } = fromConnectError(thrown);
        return `${reason}: ${message}`;
      }
      return assert.fail('it ended');
    };
    const program = { language: 'bash', code: 'true', timeoutMs: 1_000, maxOutputBytes: 100 };
    const value = (more: object) => ({ case: 'program' as const, value: { ...program, ...more } });
    assert.match(await first({ case: 'cancel', value: {} }), /^invalid_request: the first message/);
    assert.match(await first(value({ language: 'javascript' })), /^invalid_request: language must be/);
    assert.match(await first(value({ timeoutMs: NaN })), /^invalid_request: timeoutMs must be/);
    assert.match(await first(value({ limits: { files: -1 } })), /^invalid_request: the limit files/);
    assert.match(
      await first(value({ workspace: { root: 'etc', path: 'x' } })),
      /^invalid_request: there is no directory/,
    );
    const readOnly = [{ directory: { root: 'work', path: '../etc' }, at: '/given' }];
    assert.match(await first(value({ readOnly })), /^invalid_request: "\.\.\/etc" must be a path below work/);
    for (const at of ['/given\0--bind\0/\0/pwn', '/given\0--share-net', '/usr/bin', 'x/../y'])
      assert.match(
        await first(value({ readOnly: [{ directory: { root: 'work', path: '.' }, at }] })),
        /^invalid_request: a directory cannot be seen at/,
      );
    await assert.rejects(exec({ workspace: '/var/empty' }), {
      reason: 'invalid_request',
      message: /below no directory/,
    });
    await assert.rejects(exec({ language: 'javascript' }), { reason: 'unavailable' });
    await assert.rejects(exec({ code: 'x'.repeat(5_000_000) }), { reason: 'invalid_request', message: /at most/ });
  });

  it('have a workspace of their own where they are given none, gone with the call', async () => {
    const before = await ownWorkspaces();
    const { stdout } = await exec({
      workspace: undefined,
      code: 'pwd; ls -A; echo mine >file; mkdir -p a/b; cat file',
    });
    assert.equal(stdout, '/workspace\nmine\n');
    assert.deepEqual(await ownWorkspaces(), before);
  });

  it('read and say more than one message holds', async () => {
    const size = 12 * 1024 * 1024;
    for (const stdin of ['x'.repeat(size), Readable.from(Array.from({ length: 12 }, () => Buffer.alloc(size / 12)))])
      assert.equal((await exec({ code: 'wc -c', stdin })).stdout.trim(), String(size));
    const said = await exec({ code: `yes ü | head -c ${size}`, maxOutputBytes: 2 * size });
    assert.equal(Buffer.byteLength(said.stdout), size);
    const answer = await exec({ code: `head -c ${size} /dev/zero | tr "\\0" x >&7`, maxAnswerBytes: size });
    assert.equal(answer.answer?.length, size);
  });

  it('are in doubt at once where their process is killed, and die with it', async () => {
    const child = start();
    const [target] = (await once(child, 'message')) as [string];
    const { driver } = driverFor(target, SECRET);
    const call = exec({ code: 'echo begun >begun; sleep 600' }, driver);
    const failed = assert.rejects(call, { reason: 'unavailable', unsure: true });
    await until(() => existsSync(join(workspace, 'begun')));
    const killedAt = performance.now();
    child.kill('SIGKILL');
    await failed;
    assert.ok(performance.now() - killedAt < 5_000);
    await until(() => processesIn(workspace).length === 0);
    await assert.rejects(exec({}, driver), { reason: 'unavailable', unsure: false, message: /nobody listens there/ });
  });

  it('are in doubt where their process falls silent, which ends nobody who calls again at once', async () => {
    const child = start();
    const [target] = (await once(child, 'message')) as [string];
    const { driver } = driverFor(target, SECRET);
    const call = exec({ code: 'echo begun >silent; sleep 600', timeoutMs: 600_000 }, driver);
    const failed = assert.rejects(call, { reason: 'unavailable', unsure: true });
    await until(() => existsSync(join(workspace, 'silent')));
    child.kill('SIGSTOP');
    await failed;
    await assert.rejects(exec({}, driver), { reason: 'unavailable' });
    // The end of the lost connection is told after the call that it failed.
    await pause(1_000);
    child.kill('SIGKILL');
  });

  it('are killed where their caller is, or where it is silent for too long', async () => {
    for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
      const caller = start(place.target, workspace, `trap "" TERM; (setsid sleep 600 &); sleep 600`);
      await until(() => processesIn(workspace).length >= 2);
      const goneAt = performance.now();
      caller.kill(signal);
      await until(() => processesIn(workspace).length === 0);
      const tookMs = performance.now() - goneAt;
      assert.ok(tookMs < (signal === 'SIGKILL' ? 5_000 : SILENT_MS + 8_000), `${signal}: ${tookMs} ms`);
      caller.kill('SIGKILL');
    }
  });

  it('are in doubt where they are ended for the silence of their caller', async () => {
    await using silent = await openRemoteTestSandbox(sandbox, tmpdir(), { silentMs: 500 });
    await assert.rejects(exec({ code: 'sleep 600', timeoutMs: 600_000 }, silent.driver), {
      reason: 'unavailable',
      unsure: true,
      message: /the caller was silent for too long/,
    });
  });

  it('end with the call though nobody takes what they say', async () => {
    const stuck = () => new Promise<void>(() => undefined);
    const request = { language: 'bash', code: 'yes', workspace, keepsOutput: false, onOutput: stuck } as const;
    // So much that the flood meets its time first, however late its start: its caller stops waiting for whoever is told before that.
    const bounds = { timeoutMs: 600_000, maxOutputBytes: 1e12 };
    const call = place.driver.exec({ ...request, ...bounds }, AbortSignal.timeout(1_500));
    await assert.rejects(call, { reason: 'cancelled' });
    await until(() => processesIn(workspace).length === 0);
    const late = await exec({ ...request, ...bounds, timeoutMs: 1_000 });
    assert.equal(late.status, 'timeout');
  });

  it('are all dead when a call that was cancelled ends', async () => {
    const cancel = new AbortController();
    const request = { language: 'bash', code: '(setsid sleep 600 &); sleep 600', workspace } as const;
    const call = place.driver.exec({ ...request, timeoutMs: 600_000, maxOutputBytes: 100 }, cancel.signal);
    const cancelled = assert.rejects(call, { reason: 'cancelled' });
    await until(() => processesIn(workspace).length >= 2);
    cancel.abort();
    await cancelled;
    assert.deepEqual(processesIn(workspace), []);
  });
});

async function* inputsOf(
  input: { case: 'cancel'; value: object } | { case: 'program'; value: { language: string; code: string } },
) {
  yield { input };
  await pause(5_000, undefined, { ref: false });
}

async function ownWorkspaces(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('reeve-program-'));
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    assert.ok(tries < 1_000, 'it never came to hold');
    await pause(20);
  }
}
