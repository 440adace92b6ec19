import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import type { Programs } from './conformance.ts';
import type { ExecRequest, ExecResult, Language, SandboxDriver } from '../src/sandbox.ts';

/** The programs of the conformance suite, for what runs in a sandbox with a system. */
export const systemPrograms: Partial<Record<Language, Programs>> = {
  bash: {
    printsBoth: 'echo to out; echo to err >&2',
    fails: 'echo the reason >&2; exit 3',
    loopsForever: 'while :; do :; done',
    printsForever: 'yes flood',
    echoesStdin: 'cat',
    printsVariable: 'echo "$GREETING"',
    printsTwice: 'echo one; sleep 1; echo two',
  },
  python: {
    printsBoth: 'import sys\nprint("to out")\nprint("to err", file=sys.stderr)',
    fails: 'raise ValueError("the reason")',
    loopsForever: 'while True: pass',
    printsForever: 'while True: print("flood")',
    echoesStdin: 'import sys\nprint(sys.stdin.read())',
    printsVariable: 'import os\nprint(os.environ["GREETING"])',
    printsTwice: 'import time\nprint("one")\ntime.sleep(1)\nprint("two")',
  },
  node: {
    printsBoth: 'console.log("to out"); console.error("to err")',
    fails: 'throw new TypeError("the reason")',
    loopsForever: 'while (true) {}',
    printsForever: 'for (;;) require("node:fs").writeSync(1, "flood\\n")',
    echoesStdin: 'process.stdin.pipe(process.stdout)',
    printsVariable: 'console.log(process.env.GREETING)',
    printsTwice: 'console.log("one"); setTimeout(() => console.log("two"), 1000)',
  },
};

/** What shell commands must be able to do, and what not, in every driver that runs them. */
export function describeShell(name: string, driver: SandboxDriver | undefined, skip: string | false): void {
  describe(`shell commands in ${name}`, { skip }, () => {
    let base: string;
    let workspace: string;
    before(async () => {
      base = await mkdtemp(join(tmpdir(), 'reeve-shell-'));
      workspace = join(base, 'workspace');
      await mkdir(workspace);
    });
    after(() => rm(base, { recursive: true, force: true }));
    const exec = (request: Partial<ExecRequest>): Promise<ExecResult> =>
      driver!.exec(
        { language: 'bash', code: '', workspace, timeoutMs: 20_000, maxOutputBytes: 200_000, ...request },
        new AbortController().signal,
      );
    const run = (code: string, timeoutMs = 20_000): Promise<ExecResult> => exec({ code, timeoutMs });
    const outputOf = async (code: string): Promise<string> => {
      const result = await run(code);
      return result.stdout + result.stderr;
    };

    it('start in the workspace, where what they write stays', async () => {
      assert.equal((await run('pwd; echo kept > file.txt')).stdout, '/workspace\n');
      assert.equal(await readFile(join(workspace, 'file.txt'), 'utf8'), 'kept\n');
      assert.equal((await run('cat file.txt')).stdout, 'kept\n');
    });

    it('start where they are asked to, which must be inside the workspace', async () => {
      await mkdir(join(workspace, 'deep', 'down'), { recursive: true });
      await chmod(join(workspace, 'deep'), 0o755);
      for (const cwd of ['deep/down', '/workspace/deep/down', './deep/../deep/down/'])
        assert.equal((await exec({ code: 'pwd', cwd })).stdout, '/workspace/deep/down\n');
      for (const cwd of ['..', '/', '/etc', '/workspace/../etc', 'deep\0--bind\0/\0/host']) {
        await assert.rejects(exec({ code: 'pwd', cwd }), {
          reason: 'invalid_request',
          message: /must be a directory of the workspace/,
        });
      }
      await assert.rejects(exec({ code: 'pwd', cwd: 'not/there' }), {
        reason: 'invalid_request',
        message: '"not/there" is no directory of the workspace',
      });
    });

    it('refuse variables that would be more than that', async () => {
      const wrong: Record<string, string>[] = [
        { A: 'x\0--bind\0/\0/host' },
        { 'A=B': 'x' },
        { '': 'x' },
        { 'A\0B': 'x' },
      ];
      for (const env of wrong) {
        await assert.rejects(exec({ code: 'ls /host', env }), { reason: 'invalid_request', message: /^the variable/ });
      }
      const many = Object.fromEntries(Array.from({ length: 257 }, (_, index) => [`A${index}`, 'x']));
      await assert.rejects(exec({ env: many }), { reason: 'invalid_request', message: /at most 256 variables/ });
    });

    it('find Python and Node, and those find the modules of the directory that they start in', async () => {
      await mkdir(join(workspace, 'project', 'node_modules', 'dependency'), { recursive: true });
      await writeFile(
        join(workspace, 'project', 'node_modules', 'dependency', 'index.js'),
        'module.exports = "dependency"',
      );
      await writeFile(join(workspace, 'project', 'lib.mjs'), 'export const value = "module";');
      await writeFile(join(workspace, 'project', 'lib.cjs'), 'module.exports = "common";');
      await writeFile(join(workspace, 'project', 'lib.py'), 'value = "python"');
      const project = { cwd: 'project' } as const;
      const [python, module, common] = await Promise.all([
        exec({ ...project, language: 'python', code: 'import lib\nprint(lib.value)' }),
        exec({
          ...project,
          language: 'node',
          code: 'import { value } from "./lib.mjs"; import d from "dependency"; console.log(value, await d)',
        }),
        exec({ ...project, language: 'node', code: 'console.log(require("./lib.cjs"), require("dependency"))' }),
      ]);
      assert.deepEqual(
        [python, module, common].map(({ stdout, stderr }) => stdout + stderr),
        ['python\n', 'module dependency\n', 'common dependency\n'],
      );
      assert.equal(await outputOf(`${JSON.stringify('/usr/local/bin/node')} --version`), `${process.version}\n`);
      assert.deepEqual((await readdir(join(workspace, 'project'))).sort(), [
        'lib.cjs',
        'lib.mjs',
        'lib.py',
        'node_modules',
      ]);
    });

    it('answer with their exit code', async () => {
      for (const [code, expected] of [
        ['true', 0],
        ['exit 7', 7],
        ['nosuchcommand', 127],
        ['kill -SEGV $$', 139],
      ] as const) {
        assert.equal((await run(code)).exitCode, expected, code);
      }
    });

    it('talk with who feeds them a stream, for as long as that is open', async () => {
      const stdin = new PassThrough();
      let heard = '';
      const onOutput = (_: string, text: string) => {
        heard += text;
        if (heard === 'one\n') stdin.write('two\n');
        if (heard === 'one\ntwo\n') stdin.end('three');
      };
      stdin.write('one\n');
      const result = await exec({ code: 'cat', stdin, onOutput, keepsOutput: false });
      assert.deepEqual([result.status, result.stdout, heard], ['success', '', 'one\ntwo\nthree']);
      const broken = new PassThrough();
      const ended = exec({ code: 'cat', stdin: broken });
      broken.destroy();
      assert.equal((await ended).stdout, '');
      const unread = new PassThrough();
      unread.write('x'.repeat(200_000));
      assert.equal((await exec({ code: 'true', stdin: unread })).status, 'success');
    });

    it('wait where whoever is told of their output asks them to, and lose nothing', async () => {
      const [pieces, size] = [400, 65_536];
      // What repeats itself would be small on its way to another process.
      const piece = `head -c ${size} /dev/urandom | base64 -w 0 | head -c ${size}`;
      const code = `for i in $(seq ${pieces}); do ${piece}; echo $i >progress; done`;
      const held = Promise.withResolvers<void>();
      let bytes = 0;
      const onOutput = (_: string, text: string) => {
        bytes += text.length;
        return held.promise;
      };
      const ended = exec({ code, onOutput, keepsOutput: false, maxOutputBytes: 2 * pieces * size });
      let written = '';
      for (let before = ' '; written === '' || written !== before;) {
        before = written;
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        written = await readFile(join(workspace, 'progress'), 'utf8').catch(() => '');
      }
      held.resolve();
      const { status, truncated } = await ended;
      assert.ok(Number(written) < pieces / 4, `${written} pieces were written though nobody took them`);
      assert.deepEqual([status, truncated, bytes], ['success', false, pieces * size]);
    });

    it('answer on a descriptor apart from what they print, if they are asked to', async () => {
      const answering = { code: 'echo printed; printf "the answer" >&7; echo oops >&2', maxAnswerBytes: 100 };
      for (const mode of [0o755, 0o700]) {
        await chmod(base, mode);
        const result = await exec(answering);
        assert.deepEqual([result.stdout, result.stderr, result.answer], ['printed\n', 'oops\n', 'the answer']);
      }
      await chmod(base, 0o755);
      assert.equal((await exec({ ...answering, maxAnswerBytes: 9 })).answer, undefined);
      assert.equal((await exec({ code: 'true', maxAnswerBytes: 9 })).answer, '');
      const flood = await exec({ code: 'yes >&7; echo ended', maxAnswerBytes: 100_000 });
      assert.deepEqual([flood.status, flood.stdout, flood.answer], ['success', 'ended\n', undefined]);
      const unasked = await run('echo x >&7');
      assert.equal(unasked.status, 'error');
      assert.match(unasked.stderr, /7: Bad file descriptor/);
      assert.equal('answer' in unasked, false);
    });

    it('run without being root and without capabilities, whoever runs Reeve', async () => {
      assert.match(await outputOf('id -u; grep CapEff /proc/self/status'), /^[1-9]\d*\nCapEff:\s+0{16}/);
      const found = await stat(join(workspace, 'file.txt'));
      assert.notEqual(found.uid, 0);
    });

    it('see none of the variables of Reeve', async () => {
      process.env.REEVE_PLANTED = 'canary-in-environment';
      const seen = await outputOf('env; cat /proc/self/environ /proc/1/environ | tr "\\0" "\\n"');
      delete process.env.REEVE_PLANTED;
      assert.doesNotMatch(seen, /canary-in-environment|REEVE/);
      assert.deepEqual(
        seen
          .match(/^[A-Z]+(?==)/gm)!
          .filter((name) => !['PATH', 'HOME', 'LANG', 'TMPDIR', 'PWD', 'OLDPWD', 'SHLVL'].includes(name)),
        [],
      );
    });

    it('see neither the files nor the processes of the host', async () => {
      await writeFile(join(base, 'canary'), 'canary-on-host');
      const seen = await outputOf(
        `cat /etc/shadow /etc/passwd ${base}/canary /proc/1/root${base}/canary; ls /root /home /var /work; for p in /proc/[0-9]*; do tr "\\0" " " <$p/cmdline; done; cat ../${base}/canary`,
      );
      assert.doesNotMatch(seen, /root:|canary-on-host|node --test|reeve-shell-.*\/workspace/);
      assert.ok(Number((await run('ls -d /proc/[0-9]* | wc -l')).stdout) < 8);
    });

    it('cannot write anywhere else', async () => {
      const seen = await outputOf(
        'for f in /x /usr/x /usr/local/x /usr/bin/x /etc/x /dev/x /run/x /run/command /proc/sys/kernel/core_pattern /proc/sys/vm/drop_caches /sys/x; do echo 1 > $f && echo "WROTE $f"; done; echo ENDED',
      );
      assert.match(seen, /ENDED/);
      assert.doesNotMatch(seen, /WROTE/);
    });

    it('have no network, not even to this machine', async () => {
      let reached = 0;
      const server = createServer(() => (reached += 1)).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const seen = await outputOf(
        `(exec 3<>/dev/tcp/127.0.0.1/${(server.address() as AddressInfo).port}) && echo CONNECTED; (exec 3<>/dev/udp/8.8.8.8/53) && echo CONNECTED; echo ENDED`,
      );
      server.close();
      assert.match(seen, /ENDED/);
      assert.doesNotMatch(seen, /CONNECTED/);
      assert.equal(reached, 0);
    });

    it('cannot make namespaces, mount, or open exotic sockets', async () => {
      const seen =
        await outputOf(`unshare -U true && echo ESCAPED; unshare -m true && echo ESCAPED; mount -t tmpfs none /tmp && echo ESCAPED
        command -v python3 >/dev/null && python3 - <<'PY'
import socket
for family, kind in ((40, 1), (17, 3), (38, 5)):
    try:
        socket.socket(family, kind); print("ESCAPED", family)
    except OSError as error:
        print(error)
PY
        echo ENDED`);
      assert.match(seen, /ENDED/);
      assert.doesNotMatch(seen, /ESCAPED/);
    });

    it('end a fork bomb at the deadline, with nothing left of it', async () => {
      const marker = `reeve-bomb-${process.pid}`;
      const result = await run(`exec -a ${marker} bash -c ':(){ :|:& };:; exec -a ${marker} sleep 600'`, 2_000);
      assert.ok(result.durationMs < 8_000, `took ${result.durationMs} ms`);
      assert.deepEqual(processesNamed(marker), []);
    });

    it('take with them every child, detached or deaf to signals', async () => {
      const marker = `reeve-orphan-${process.pid}`;
      const deaf = `trap "" TERM INT HUP; (exec -a ${marker} sleep 600)`;
      const detached = await run(`setsid bash -c '${deaf}' >/dev/null 2>&1 & disown; echo left`);
      assert.equal(detached.stdout, 'left\n');
      await gone(marker);
      const timedOut = await run(`setsid bash -c '${deaf}' & ${deaf}`, 700);
      assert.equal(timedOut.status, 'timeout');
      await gone(marker);
    });

    it('run out of memory by themselves', async () => {
      const result = await run('tail /dev/zero');
      assert.equal(result.status, 'error');
    });

    it('cannot fill the disk with one file, nor /tmp', async () => {
      const seen = await outputOf(
        'truncate -s 1T sparse && echo FILLED; head -c 200000000 /dev/zero > /tmp/x && echo FILLED; echo ENDED',
      );
      assert.match(seen, /ENDED/);
      assert.doesNotMatch(seen, /FILLED/);
    });

    it('read no start-up file of a shell', async () => {
      await writeFile(join(workspace, '.bashrc'), 'echo SOURCED');
      await writeFile(join(workspace, '.profile'), 'echo SOURCED');
      assert.equal(await outputOf('echo only this'), 'only this\n');
    });

    it('work below a directory that only its owner may enter', async () => {
      await chmod(base, 0o700);
      assert.equal((await run('echo reached > deep.txt; cat deep.txt')).stdout, 'reached\n');
      await chmod(base, 0o755);
      assert.equal((await run('cat deep.txt')).stdout, 'reached\n');
    });
  });
}

function processesNamed(marker: string): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] === marker;
      } catch {
        return false;
      }
    });
}

/** The kernel reaps a process namespace just after its last descriptor closes. */
async function gone(marker: string): Promise<void> {
  for (let round = 0; round < 50 && processesNamed(marker).length > 0; round++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(processesNamed(marker), []);
}
