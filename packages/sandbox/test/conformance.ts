import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ExecRequest, ExecResult, Language, OutputStream, SandboxDriver } from '../src/sandbox.ts';

/** The same small programs in a driver's language. */
export interface Programs {
  readonly printsBoth: string;
  readonly fails: string;
  readonly loopsForever: string;
  readonly printsForever: string;
  readonly echoesStdin: string;
  /** Prints the variable `GREETING` that it is given. */
  readonly printsVariable: string;
  /** Prints a line, and another one a second later. */
  readonly printsTwice: string;
}

/** What every driver must do in each of its languages. */
export function describeDriver(driver: SandboxDriver, language: Language, programs: Programs): void {
  describe(`${language} in the ${driver.name} driver`, () => {
    let workspace: string;
    before(async () => void (workspace = await mkdtemp(join(tmpdir(), 'reeve-sandbox-'))));
    after(() => rm(workspace, { recursive: true, force: true }));
    const run = (
      code: string,
      extra: Partial<ExecRequest> = {},
      signal = new AbortController().signal,
    ): Promise<ExecResult> =>
      driver.exec({ language, code, workspace, timeoutMs: 20_000, maxOutputBytes: 100_000, ...extra }, signal);

    it('keeps standard output and standard error apart', async () => {
      const result = await run(programs.printsBoth);
      assert.equal(result.status, 'success');
      assert.deepEqual([result.stdout, result.stderr, result.truncated], ['to out\n', 'to err\n', false]);
    });

    it('answers a failing program with error and what it said', async () => {
      const result = await run(programs.fails);
      assert.equal(result.status, 'error');
      assert.match(result.stderr, /the reason/);
    });

    it('gives the program its standard input', async () => {
      assert.equal((await run(programs.echoesStdin, { stdin: 'grüße' })).stdout.trim(), 'grüße');
    });

    it('gives the program its variables', async () => {
      assert.equal(
        (await run(programs.printsVariable, { env: { GREETING: 'grüße = "$HOME"\n' } })).stdout.trim(),
        'grüße = "$HOME"',
      );
    });

    it('tells of output as it comes, and of no more than it keeps', async () => {
      const told = { stdout: '', stderr: '' };
      const onOutput = (stream: OutputStream, text: string) => void (told[stream] += text);
      const result = await run(programs.printsBoth, { onOutput });
      assert.deepEqual(told, { stdout: result.stdout, stderr: result.stderr });
      const flood = { stdout: '', stderr: '' };
      const cut = await run(programs.printsForever, {
        timeoutMs: 1_500,
        maxOutputBytes: 10_000,
        onOutput: (stream, text) => void (flood[stream] += text),
      });
      assert.equal(flood.stdout, cut.stdout);
    });

    it('tells of output before the program has ended', async () => {
      let toldAt = 0;
      await run(programs.printsTwice, { onOutput: () => void (toldAt ||= performance.now()) });
      const later = performance.now() - toldAt;
      assert.ok(later > 500, `told ${later} ms before the end`);
    });

    it('ends a program whose processor time is up with timeout', async () => {
      const result = await run(programs.loopsForever, { limits: { cpuMs: 300 } });
      assert.ok(result.status === 'timeout' && result.exceeded === 'cpu', JSON.stringify(result));
      assert.ok(result.durationMs < 10_000, `took ${result.durationMs} ms`);
    });

    it('refuses a limit that is none', async () => {
      for (const memoryBytes of [0, -1, 1.5, NaN]) {
        await assert.rejects(run(programs.printsBoth, { limits: { memoryBytes } }), {
          reason: 'invalid_request',
          message: /the limit memoryBytes must be a whole number above 0/,
        });
      }
    });

    it('ends an endless loop at the deadline and keeps the host responsive', async () => {
      let ticks = 0;
      const ticking = setInterval(() => (ticks += 1), 20);
      const result = await run(programs.loopsForever, { timeoutMs: 500 });
      clearInterval(ticking);
      assert.ok(result.status === 'timeout' && result.exceeded === 'time');
      assert.ok(result.durationMs >= 450 && result.durationMs < 5_000, `took ${result.durationMs} ms`);
      assert.ok(ticks >= 5, `the event loop ran only ${ticks} times`);
    });

    it('keeps what was printed before the deadline', async () => {
      const result = await run(`${programs.printsBoth}\n${programs.loopsForever}`, { timeoutMs: 500 });
      assert.deepEqual([result.status, result.stdout], ['timeout', 'to out\n']);
    });

    it('keeps no more output than its limit', async () => {
      const result = await run(programs.printsForever, { timeoutMs: 1_500, maxOutputBytes: 10_000 });
      assert.notEqual(result.status, 'success');
      assert.equal(result.truncated, true);
      assert.ok(result.stdout.length + result.stderr.length <= 10_000);
    });

    it('throws cancelled when the signal aborts', async () => {
      const cancel = new AbortController();
      setTimeout(() => cancel.abort(), 300);
      await assert.rejects(run(programs.loopsForever, {}, cancel.signal), { reason: 'cancelled' });
      await assert.rejects(run(programs.printsBoth, {}, AbortSignal.abort()), { reason: 'cancelled' });
    });

    it('shares nothing between two calls at once', async () => {
      const results = await Promise.all(['one', 'two', 'three'].map((stdin) => run(programs.echoesStdin, { stdin })));
      assert.deepEqual(
        results.map(({ stdout }) => stdout.trim()),
        ['one', 'two', 'three'],
      );
    });
  });
}
