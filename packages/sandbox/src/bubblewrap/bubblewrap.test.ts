import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { silentLog } from '@reeve/kit';
import { createBubblewrapDriver } from './driver.ts';
import { describeDriver } from '../../test/conformance.ts';
import { describeShell, systemPrograms } from '../../test/shell-conformance.ts';
import { openSandbox } from '../open.ts';
import { BWRAP_PATHS } from '../system/profile.ts';
import type { ExecRequest, ExecResult } from '../sandbox.ts';
import { buildSeccompFilter, isSeccompArch } from '../system/seccomp.ts';

const sandbox = await openSandbox({ sandboxBackend: 'bubblewrap' }, silentLog);
await sandbox.whenProbed();
after(() => sandbox[Symbol.asyncDispose]());
const skip = sandbox.unavailable('bash') ?? false;
const driver = sandbox.drivers.get('bubblewrap');

for (const language of driver?.languages ?? []) describeDriver(driver!, language, systemPrograms[language]!);
describeShell('bubblewrap', driver, skip);

describe('commands in bubblewrap', { skip }, () => {
  let base: string;
  let workspace: string;
  before(async () => {
    base = await mkdtemp(join(tmpdir(), 'reeve-bwrap-'));
    workspace = join(base, 'workspace');
    await mkdir(workspace);
  });
  after(() => rm(base, { recursive: true, force: true }));
  const exec = (request: Partial<ExecRequest>): Promise<ExecResult> =>
    driver!.exec(
      { language: 'bash', code: '', workspace, timeoutMs: 20_000, maxOutputBytes: 200_000, ...request },
      new AbortController().signal,
    );
  const run = (code: string): Promise<ExecResult> => exec({ code });

  it('inherit no descriptor, not even one that Reeve inherited', async () => {
    await writeFile(join(base, 'leak'), 'canary-in-descriptor');
    const leak = openSync(join(base, 'leak'), 'r');
    const program = `
      import { openSandbox } from ${JSON.stringify(new URL('../open.ts', import.meta.url).href)};
      import { silentLog } from '@reeve/kit';
      const sandbox = await openSandbox({ sandboxBackend: 'bubblewrap' }, silentLog);
      const result = await sandbox.exec({ language: 'bash', code: 'ls -l /proc/self/fd /proc/1/fd; cat <&60', workspace: ${JSON.stringify(workspace)}, timeoutMs: 20000, maxOutputBytes: 10000 }, new AbortController().signal);
      console.log(JSON.stringify(result));
    `;
    const stdio = Array.from({ length: 61 }, (_, fd) => (fd === 60 ? leak : fd < 3 ? 'pipe' : 'ignore'));
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: stdio as 'pipe'[],
      cwd: import.meta.dirname,
    });
    const said: Buffer[] = [];
    child.stdout!.on('data', (chunk: Buffer) => said.push(chunk));
    child.stderr!.on('data', (chunk: Buffer) => said.push(chunk));
    await once(child, 'close');
    const seen = String(Buffer.concat(said));
    assert.match(seen, /"exitCode":/);
    assert.doesNotMatch(seen, /canary-in-descriptor|reeve-bwrap/);
  });

  it('see directories of the host that they are given, and cannot write them; one that is gone is left out', async () => {
    const given = join(base, 'given');
    await mkdir(join(given, 'deep'), { recursive: true });
    await writeFile(join(given, 'deep', 'a.txt'), 'of the host\n');
    const readOnly = [
      { path: given, at: '/given/here' },
      { path: join(base, 'nowhere'), at: '/given/gone' },
    ];
    const code =
      'cat /given/here/deep/a.txt; ls /given; echo x > /given/here/b.txt || echo x > /given/here/deep/a.txt || rm -r /given/here || mount -o remount,rw /given/here || chmod 777 /given/here || echo REFUSED';
    for (const mode of [0o755, 0o700]) {
      await chmod(base, mode);
      assert.match((await exec({ code, readOnly })).stdout, /^of the host\nhere\n(.*\n)*REFUSED\n$/);
    }
    await chmod(base, 0o755);
    assert.deepEqual(await readdir(given), ['deep']);
    assert.equal((await run('ls /given')).status, 'error');
  });

  it('are never told to see them where the sandbox has its own, or where bubblewrap would be told more', async () => {
    const wrong = [
      ...['/given\0--bind\0/\0/pwn', '/given\0--share-net', '/given\n', '/g iven', 'given', '', '/', '//x', '/x/'],
      ...[
        '/x/../usr',
        '/x/./y',
        '/usr',
        '/usr/bin',
        '/etc/ssl',
        '/proc/1',
        '/dev',
        '/tmp/x',
        '/run/reeve',
        '/workspace',
      ],
      ...['/workspace/x', '/lib64', `/${'x'.repeat(101)}`, '/x'.repeat(11)],
    ];
    for (const at of wrong)
      await assert.rejects(exec({ code: 'echo ran', readOnly: [{ path: base, at }] }), {
        reason: 'invalid_request',
        message: /^a directory cannot be seen at /,
      });
  });
});

describe('bubblewrap that cannot do its work', { skip }, () => {
  it('is unavailable, not a failed command', async () => {
    const workspace = await mkdtemp(join(tmpdir(), 'reeve-bwrap-'));
    const request = {
      language: 'bash',
      code: 'echo must not run',
      workspace,
      timeoutMs: 5_000,
      maxOutputBytes: 1_000,
    } as const;
    const signal = new AbortController().signal;
    const bwrap = BWRAP_PATHS[0]!;
    const filter = buildSeccompFilter(isSeccompArch(process.arch) ? process.arch : 'x64');
    await assert.rejects(createBubblewrapDriver('/nonexistent/bwrap', filter).exec(request, signal), {
      reason: 'unavailable',
      message: /could not start/,
    });
    await assert.rejects(createBubblewrapDriver(bwrap, Buffer.from('no filter')).exec(request, signal), {
      reason: 'unavailable',
      message: /seccomp/i,
    });
    await rm(workspace, { recursive: true });
  });
});
