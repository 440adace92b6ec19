import assert from 'node:assert/strict';
import { fork, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { SandboxConfig } from '../src/system/backends.ts';
import type { RunnerMessage, RunnerRequest } from './hostile-runner.ts';
import type { DriverName, ExceededLimit, ExecRequest, ExecResult, Language } from '../src/sandbox.ts';
import { dockerHost, dockerSettings, noDocker } from './docker-conformance.ts';

/** A program that means harm, and what must come of it. */
export interface HostileProgram {
  /** What it tries. */
  readonly tries: string;
  readonly code: string | ((host: HostileHost) => string);
  /** How it must end: with a status of its own making, or killed for a limit; where it ends differently, for each driver. */
  readonly ends: Ending | readonly Ending[] | Readonly<Record<Exclude<SystemDriver, 'remote'>, Ending>>;
  readonly timeoutMs?: number;
  readonly request?: Partial<ExecRequest>;
  /** Its output must hold this: that it came to its end, or how it was stopped. */
  readonly says?: RegExp;
  /** Its output must not hold this, which it prints where it succeeds; `ESCAPED` by itself. */
  readonly never?: RegExp;
  /** What else must be true of the host afterwards. */
  readonly leaves?: (result: ExecResult, workspace: string, host: HostileHost) => unknown;
}

/** The drivers that run commands and programs; that of another process over bubblewrap. */
export const SYSTEM_DRIVERS = ['bubblewrap', 'docker', 'remote'] as const;

export type SystemDriver = (typeof SYSTEM_DRIVERS)[number];

export type Ending = 'success' | 'error' | ExceededLimit;

/** A host with things to harm: secrets, files, sockets, a process, and one that runs the sandbox. */
export interface HostileHost extends AsyncDisposable {
  /** Has a file `canary`, a neighbor's workspace, and a socket `host.sock`. */
  readonly directory: string;
  /** What no program may ever print. */
  readonly secrets: readonly string[];
  readonly port: number;
  readonly abstractSocket: string;
  /** A process of somebody else. */
  readonly bystander: ChildProcess;
  readonly runner: ChildProcess;
  readonly unavailable: Partial<Record<Language, string>>;
  makeWorkspace(): Promise<string>;
  exec(request: ExecRequest, signal?: AbortSignal): Promise<ExecResult>;
  /** Throws where anything was touched. */
  assertUntouched(): Promise<void>;
}

/** How much later than its deadline a program may be over and everything of it dead. */
const GRACE_MS = 10_000;
/** How long a program has that ends by itself or by another limit: a loaded machine takes its time. */
const PATIENCE_MS = 60_000;

/** What a harmless program of each language looks like, run after each hostile one. */
const HARMLESS: Record<Language, string> = {
  javascript: 'console.log("fine")',
  bash: 'echo fine',
  python: 'print("fine")',
  node: 'console.log("fine")',
};

/**
 * Runs programs one after another and holds each to what must come of it: its end, in its time, no secret in what it
 * printed, nothing of it left, the host untouched, and the next call working.
 */
export function describeHostile(title: string, language: Language, programs: readonly HostileProgram[]): void {
  for (const driver of language === 'javascript' ? (['quickjs'] as const) : SYSTEM_DRIVERS)
    describeOn(driver, `${title} in ${driver}`, language, programs);
}

function describeOn(driver: DriverName, title: string, language: Language, programs: readonly HostileProgram[]): void {
  describe(title, { concurrency: 2, skip: driver === 'docker' && noDocker }, () => {
    let host: HostileHost;
    before(async () => void (host = await openHostileHost(driver)));
    after(() => host[Symbol.asyncDispose]());
    for (const program of programs) {
      it(program.tries, async (test) => {
        const missing = host.unavailable[language];
        if (missing !== undefined) return test.skip(missing);
        const workspace = await host.makeWorkspace();
        const request: ExecRequest = {
          language,
          code: typeof program.code === 'string' ? program.code : program.code(host),
          workspace,
          timeoutMs: program.timeoutMs ?? PATIENCE_MS,
          maxOutputBytes: 200_000,
          ...program.request,
        };
        const startedAt = performance.now();
        const result = await host.exec(request);
        const tookMs = performance.now() - startedAt;
        assert.deepEqual(processesIn(workspace), [], 'processes are left');
        const printed =
          result.stdout + result.stderr + JSON.stringify(result.status === 'success' ? result.result : '');
        const told = JSON.stringify({
          ...result,
          stdout: result.stdout.slice(0, 1000),
          stderr: result.stderr.slice(0, 1000),
        });
        assert.ok(endingsOn(driver, program).includes(endingOf(result)), `ended with ${told}`);
        assert.ok(tookMs < request.timeoutMs + GRACE_MS, `took ${tookMs} ms`);
        if (program.says !== undefined) assert.match(printed, program.says, told);
        assert.doesNotMatch(printed, program.never ?? /ESCAPED/, told);
        for (const secret of host.secrets) assert.ok(!printed.includes(secret), `found a secret: ${told}`);
        await host.assertUntouched();
        await program.leaves?.(result, workspace, host);
        const next = await host.exec({
          ...request,
          code: HARMLESS[language],
          timeoutMs: PATIENCE_MS,
          limits: {},
          maxOutputBytes: 1_000,
        });
        assert.deepEqual([next.status, next.stdout], ['success', 'fine\n'], 'the next call failed');
      });
    }
  });
}

/**
 * A Python program that writes `prctl(PR_SET_PDEATHSIG, 0)` and an endless `pause()` where the first process waits for
 * children, lets it run into that, and lets go of what it was given. Without such a processor, or where that process is hidden, it only waits.
 */
export function outliving(then: string): string {
  return `
import os, platform, time
if platform.machine() == "x86_64" and os.path.exists("/proc/1/syscall"):
    at = int(open("/proc/1/syscall").read().split()[-1], 16)
    code = bytes.fromhex("b89d000000bf0100000031f60f05b8220000000f05ebf7")
    os.pwrite(os.open("/proc/1/mem", os.O_RDWR), code, at)
    if os.fork() == 0:
        if os.fork() == 0: os._exit(0)
        os._exit(0)
    os.wait()
    time.sleep(0.2)
if os.fork() == 0:
    for fd in range(3): os.close(fd)
    time.sleep(600)
${then}`;
}

function endingsOn(driver: DriverName, { ends }: HostileProgram): readonly Ending[] {
  if (typeof ends !== 'object' || Array.isArray(ends)) return [ends].flat() as Ending[];
  const where = driver === 'remote' ? 'bubblewrap' : driver;
  return Object.entries(ends).flatMap(([name, ending]) => (name === where ? [ending] : []));
}

function endingOf(result: ExecResult): Ending {
  if (result.status === 'success') return 'success';
  assert.equal(result.status === 'timeout', result.exceeded === 'time' || result.exceeded === 'cpu');
  return result.exceeded ?? 'error';
}

/** Opens a host; its runner has a provider's key and the address of a database in its environment. */
export async function openHostileHost(driver: DriverName): Promise<HostileHost> {
  const config: SandboxConfig =
    driver === 'docker' && dockerHost !== undefined ? await dockerSettings(dockerHost) : { sandboxBackend: driver };
  const [key, password, canary] = ['sk-planted', 'planted', 'canary'].map((name) => `${name}-${randomUUID()}`);
  const directory = await mkdtemp(join(tmpdir(), 'reeve-hostile-'));
  await chmod(directory, 0o755);
  await mkdir(join(directory, 'neighbor'));
  await writeFile(join(directory, 'canary'), canary!);
  await writeFile(join(directory, 'neighbor', 'notes'), canary!);
  const env = {
    ...process.env,
    OPENAI_API_KEY: key,
    DATABASE_URL: `postgres://reeve:${password}@127.0.0.1:5432/reeve`,
  };
  const runner = fork(new URL('./hostile-runner.ts', import.meta.url), [JSON.stringify(config)], {
    env,
    serialization: 'advanced',
  });
  const bystander = spawn('/bin/sleep', ['600'], { env: { OPENAI_API_KEY: key } });
  let reached = 0;
  const abstractSocket = `\0reeve-hostile-${randomUUID()}`;
  const servers = await Promise.all([
    listen(() => (reached += 1), 0),
    listen(() => (reached += 1), join(directory, 'host.sock')),
    listen(() => (reached += 1), abstractSocket),
  ]);
  const waiting = new Map<number, (message: RunnerMessage) => void>();
  const ready = Promise.withResolvers<Partial<Record<Language, string>>>();
  runner.on('message', (message: RunnerMessage) => {
    if (message.kind === 'ready') ready.resolve(message.unavailable);
    else waiting.get(message.id)?.(message);
  });
  runner.on('exit', () => {
    const message = 'the runner ended';
    ready.reject(new Error(message));
    for (const [id, answer] of waiting) answer({ kind: 'refused', id, reason: 'internal', message });
  });
  let lastId = 0;
  let workspaces = 0;
  return {
    directory,
    secrets: [key!, password!, canary!],
    port: (servers[0]!.address() as AddressInfo).port,
    abstractSocket,
    bystander,
    runner,
    unavailable: await ready.promise,
    async makeWorkspace() {
      const workspace = join(directory, `workspace-${(workspaces += 1)}`);
      await mkdir(workspace);
      return workspace;
    },
    async exec(request, signal) {
      const id = (lastId += 1);
      const ended = new Promise<RunnerMessage>((resolve) => waiting.set(id, resolve));
      const ask = (asked: RunnerRequest) => runner.send(asked);
      ask({ kind: 'exec', id, request });
      const abort = () => ask({ kind: 'abort', id });
      signal?.addEventListener('abort', abort, { once: true });
      const message = await ended;
      waiting.delete(id);
      if (message.kind === 'ended') return message.result;
      assert.ok(message.kind === 'refused');
      throw Object.assign(new Error(message.message), { reason: message.reason });
    },
    async assertUntouched() {
      assert.equal(await readFile(join(directory, 'canary'), 'utf8'), canary);
      assert.equal(await readFile(join(directory, 'neighbor', 'notes'), 'utf8'), canary);
      assert.deepEqual(
        readdirSync(directory)
          .filter((name) => !name.startsWith('workspace-'))
          .sort(),
        ['canary', 'host.sock', 'neighbor'],
      );
      assert.deepEqual([bystander.exitCode, bystander.signalCode], [null, null], 'the bystander was killed');
      assert.deepEqual([runner.exitCode, runner.signalCode], [null, null], 'the runner was killed');
      assert.equal(reached, 0, 'a server of the host was reached');
    },
    async [Symbol.asyncDispose]() {
      bystander.kill('SIGKILL');
      if (runner.exitCode === null && runner.signalCode === null) {
        runner.disconnect();
        await once(runner, 'exit');
      }
      for (const server of servers) server.close();
      // Nested more deeply than a path can say.
      spawnSync('rm', ['-rf', directory]);
    },
  };
}

async function listen(connected: () => void, where: number | string): Promise<Server> {
  const server = createServer(connected);
  if (typeof where === 'number') server.listen(where, '0.0.0.0');
  else server.listen(where);
  await once(server, 'listening');
  return server;
}

/** Processes that see a workspace, whatever they call themselves and whoever their parent is. */
export function processesIn(workspace: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/mountinfo`, 'utf8').includes(`${workspace.slice(tmpdir().length)} `);
      } catch {
        return false;
      }
    });
}
