import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { listInside, openInside, writeInside } from '../files/files.ts';
import {
  openHostileHost,
  outliving,
  processesIn,
  SYSTEM_DRIVERS,
  type HostileHost,
} from '../../test/hostile-conformance.ts';
import type { ExecRequest } from '../sandbox.ts';
import { noDocker } from '../../test/docker-conformance.ts';

const signal = new AbortController().signal;
const bash = (workspace: string, code: string, extra: Partial<ExecRequest> = {}): ExecRequest => ({
  language: 'bash',
  code,
  workspace,
  timeoutMs: 15_000,
  maxOutputBytes: 100_000,
  ...extra,
});
for (const driver of SYSTEM_DRIVERS) {
  describe(`the host of hostile programs in ${driver}`, { skip: driver === 'docker' && noDocker }, () => {
    let host: HostileHost;
    before(async () => void (host = await openHostileHost(driver)));
    after(() => host[Symbol.asyncDispose]());
    const withCommands = (name: string, work: () => Promise<void>): void => {
      it(name, (test) => (host.unavailable.bash === undefined ? work() : test.skip(host.unavailable.bash)));
    };

    withCommands('runs none of them as root, and none with the rights to become it', async () => {
      const workspace = await host.makeWorkspace();
      const stop = new AbortController();
      const running = host.exec(bash(workspace, 'sleep 10'), stop.signal);
      const inside = await until(
        () => processesIn(workspace),
        (found) => found.length >= 2,
      );
      for (const pid of inside) {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        assert.doesNotMatch(status, /^Uid:.*\b0\b/m, status);
        assert.match(status, /^Groups:\s*(?!.*\b0\b)/m);
        assert.match(status, /^NoNewPrivs:\s*1$/m);
      }
      stop.abort();
      await assert.rejects(running, { reason: 'cancelled' });
    });

    withCommands('keeps nothing of one workspace for the next', async () => {
      const [one, two] = [await host.makeWorkspace(), await host.makeWorkspace()];
      const left = await host.exec(
        bash(
          one,
          'for d in /tmp /dev/shm /workspace /run /var/tmp $HOME; do echo residue > $d/residue; done; echo END',
        ),
      );
      assert.match(left.stdout, /END/);
      for (const workspace of [two, one]) {
        const found = await host.exec(
          bash(workspace, 'cat /tmp/* /dev/shm/* /run/residue /var/tmp/residue; ls -A; echo END'),
        );
        assert.equal(found.stdout, workspace === two ? 'END\n' : 'residue\nEND\n');
      }
    });

    withCommands('lets no program change a place of the host while its directories are swapped for links', async () => {
      const workspace = await host.makeWorkspace();
      const treasure = join(host.directory, 'neighbor');
      const stop = new AbortController();
      const swapping = host.exec(
        bash(
          workspace,
          `mkdir -p a/b real/b; while :; do mv a aside; ln -s ${treasure} a; ln -sfn ${treasure}/notes link; rm a; mv aside a; rm -f a/b/notes link; done 2>/dev/null`,
          { timeoutMs: 20_000 },
        ),
        stop.signal,
      );
      let refused = 0;
      // A sandbox that is slow to start swaps nothing for a while.
      for (let round = 0; round < 60 || (refused === 0 && round < 5_000); round++) {
        for (const path of ['a/notes', 'link', 'a/b/notes'])
          await writeInside(workspace, path, Buffer.from('overwritten')).catch(() => (refused += 1));
        const handle = await openInside(workspace, 'a/notes').catch(() => undefined);
        if (handle !== undefined) {
          assert.equal(await handle.readFile('utf8'), 'overwritten');
          await handle.close();
        }
        await listInside(workspace, { maxEntries: 1_000, signal });
        await host.assertUntouched();
      }
      assert.ok(refused > 0, 'no swap was met');
      stop.abort();
      await assert.rejects(swapping, { reason: 'cancelled' });
      assert.deepEqual(processesIn(workspace), []);
    });

    withCommands('measures a workspace without being led out of it', async () => {
      const workspace = await host.makeWorkspace();
      const large = join(host.directory, `workspace-large`);
      await mkdir(large);
      await symlink(large, join(workspace, 'elsewhere'));
      await symlink('/', join(workspace, 'root'));
      // What others write makes the meter look; what it finds is not the program's.
      const running = host.exec(
        bash(workspace, 'echo small > file; sleep 1.5; echo END', {
          limits: { diskBytes: 16 * 1024 * 1024, files: 100 },
        }),
      );
      await until(
        () => processesIn(workspace),
        (found) => found.length >= 2,
      );
      for (let number = 0; number < 8; number++) await writeFile(join(large, String(number)), Buffer.alloc(4 << 20, 1));
      assert.deepEqual([(await running).status, (await running).stdout], ['success', 'END\n']);
    });

    withCommands('is rid of a program whenever it is stopped', async () => {
      const workspace = await host.makeWorkspace();
      for (let afterMs = 0; afterMs < 60; afterMs += 4) {
        const stop = new AbortController();
        setTimeout(() => stop.abort(), afterMs);
        const code = '(trap "" TERM; setsid sleep 600 >/dev/null 2>&1 &) ; sleep 600';
        await assert.rejects(host.exec(bash(workspace, code), stop.signal), { reason: 'cancelled' });
        assert.deepEqual(processesIn(workspace), [], `stopped after ${afterMs} ms`);
      }
    });

    withCommands('answers others while many mean harm at once', async () => {
      const stop = new AbortController();
      const bombs = [
        ':(){ :|:& };:; sleep 60',
        'for i in {1..16}; do (while :; do :; done) & done; wait',
        'yes > /dev/null',
        'while :; do head -c 1M /dev/zero > /tmp/x; done',
        'tail -f /dev/null',
      ];
      const running = await Promise.all(
        bombs.map(async (code) => {
          const workspace = await host.makeWorkspace();
          return {
            workspace,
            ended: assert.rejects(host.exec(bash(workspace, code, { timeoutMs: 30_000 }), stop.signal)),
          };
        }),
      );
      const startedAt = performance.now();
      const result = await host.exec(bash(await host.makeWorkspace(), 'echo fine'));
      const tookMs = performance.now() - startedAt;
      stop.abort();
      await Promise.all(running.map(({ ended }) => ended));
      assert.deepEqual([result.status, result.stdout], ['success', 'fine\n']);
      assert.ok(tookMs < 8_000, `took ${tookMs} ms`);
      assert.deepEqual(
        running.flatMap(({ workspace }) => processesIn(workspace)),
        [],
      );
      await host.assertUntouched();
    });

    for (const [what, language, code] of [
      ['one that only waits', 'bash', 'setsid sleep 600 >/dev/null 2>&1 & sleep 600'],
      ['a fork bomb', 'bash', ':(){ :|:& };:; sleep 60'],
      ['one that made its first process forget to die', 'python', outliving('time.sleep(600)')],
    ] as const) {
      it(`takes ${what} with it when Reeve is killed`, async (test) => {
        await using mortal = await openHostileHost(driver);
        const missing = mortal.unavailable[language];
        if (missing !== undefined) return test.skip(missing);
        const workspace = await mortal.makeWorkspace();
        mortal.exec(bash(workspace, code, { language, timeoutMs: 60_000 })).catch(() => undefined);
        await until(
          () => processesIn(workspace),
          (found) => found.length >= 3,
        );
        await new Promise((resolve) => setTimeout(resolve, 400));
        mortal.runner.kill('SIGKILL');
        await once(mortal.runner, 'exit');
        // What an engine runs outlives who asked for it, until the next one starts.
        await using _next = driver === 'docker' ? await openHostileHost(driver) : undefined;
        await until(
          () => processesIn(workspace),
          (found) => found.length === 0,
        );
      });
    }

    it('has its secrets where a program would find them that could read its environment', () => {
      const environment = readFileSync(`/proc/${host.runner.pid}/environ`, 'utf8');
      assert.ok(host.secrets.slice(0, 2).every((secret) => environment.includes(secret)));
    });
  });
}

async function until<T>(look: () => T, isEnough: (found: T) => boolean): Promise<T> {
  for (const deadline = performance.now() + 5_000; ;) {
    const found = look();
    if (isEnough(found)) return found;
    assert.ok(performance.now() < deadline, `still ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
