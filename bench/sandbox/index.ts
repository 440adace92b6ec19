import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@reeve/kit';
import { openSandbox, type ExecRequest, type Sandbox } from '@reeve/sandbox';
import { openElsewhere } from './elsewhere.ts';
import { interleave, measured, ratio, type BenchOptions, type Measured, type Measurements } from '../measure.ts';

/** A program of each language that says one word, and the host's own command for the same. */
const PROGRAMS = {
  bash: { code: 'echo begun', plain: ['/usr/bin/bash', '-c'], inside: 'bash -c' },
  python: { code: 'print("begun")', plain: ['/usr/bin/python3', '-uc'], inside: 'python3 -uc' },
  node: { code: 'console.log("begun")', plain: [process.execPath, '-e'], inside: 'node -e' },
} as const;
type Language = keyof typeof PROGRAMS;
const LANGUAGES = Object.keys(PROGRAMS) as Language[];

const AT_ONCE = 50;
const TIMEOUT_MS = 1_000;
/** Children in sessions of their own, deaf to what can be heard. */
const STUBBORN = 'echo begun; for i in 1 2 3; do setsid bash -c \'trap "" TERM INT HUP; sleep 600\' & done; sleep 600';

/**
 * From a call to the first output, cold, in each driver that works here, and in bubblewrap over the network, beside a plain spawn and `docker run`; as many
 * calls at once; and how long after its time is up a call is answered, with everything of it dead.
 */
export async function bench({ quick }: BenchOptions): Promise<Measurements> {
  const base = await mkdtemp(join(tmpdir(), 'reeve-bench-sandbox-'));
  const image = process.env['SANDBOX_DOCKER_IMAGE'] ?? 'node:24';
  const dockerHost = process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock';
  await using bubblewrap = await openSandbox({ sandboxBackend: 'bubblewrap' }, silentLog);
  await using docker = await openSandbox(
    { sandboxBackend: 'docker', dockerHost, sandboxDockerImage: image },
    silentLog,
  );
  await using remote = await openElsewhere(bubblewrap, base);
  const drivers = { bubblewrap, remote, docker };
  const works: (keyof typeof drivers)[] = [];
  for (const [name, sandbox] of Object.entries({ bubblewrap, docker })) {
    await sandbox.whenProbed();
    const missing = LANGUAGES.map((language) => sandbox.unavailable(language)).find((reason) => reason !== undefined);
    if (missing === undefined) works.push(name as keyof typeof drivers);
    else console.log(`${name} is left out: ${missing}`);
  }
  if (works.includes('bubblewrap')) works.push('remote');
  const ratios: Record<string, Measured> = {};
  const figures: Record<string, Measured> = {};
  try {
    for (const language of LANGUAGES) {
      const { code, plain, inside } = PROGRAMS[language];
      const request = { language, code, workspace: base } as const;
      const run = [
        'docker',
        '--host',
        dockerHost,
        'run',
        '--rm',
        '--network',
        'none',
        image,
        ...inside.split(' '),
        code,
      ];
      const sides = {
        'plain spawn': () => firstOutputOf([...plain, code]),
        ...Object.fromEntries(works.map((name) => [name, () => firstOutput(drivers[name], request)])),
        ...(works.includes('docker') && { 'docker run': () => firstOutputOf(run) }),
      };
      const taken = await interleave(quick ? 3 : 30, sides);
      for (const [name, ms] of Object.entries(taken))
        figures[`${language}, ${name}, first output`] = measured(ms, 'ms');
      const {
        bubblewrap: inBubblewrap,
        remote: elsewhere,
        docker: inDocker,
        'docker run': byHand,
      } = taken as Record<string, number[]>;
      const goal = language === 'bash' ? undefined : { atMost: 1.5 };
      if (inBubblewrap)
        ratios[`${language}, bubblewrap / plain spawn`] = ratio(inBubblewrap, taken['plain spawn'], goal);
      if (inBubblewrap && elsewhere) ratios[`${language}, remote / bubblewrap`] = ratio(elsewhere, inBubblewrap);
      if (inDocker && byHand) ratios[`${language}, docker / docker run`] = ratio(inDocker, byHand);
    }
    const calls = { language: 'javascript', code: 'console.log("begun")', workspace: base } as const;
    const quickjs = await interleave(quick ? 3 : 30, { first: () => firstOutput(bubblewrap, calls) });
    figures['javascript, quickjs, first output'] = measured(quickjs.first, 'ms');
    for (const name of works) {
      const { all, dead } = await interleave(quick ? 1 : 10, {
        all: () => manyAtOnce(drivers[name], base),
        dead: () => lateness(drivers[name], base),
      });
      figures[`${name}, ${AT_ONCE} shell commands at once`] = measured(all, 'ms');
      figures[`${name}, all dead after the time was up`] = measured(dead, 'ms', { atMost: 250 });
    }
  } finally {
    await rm(base, { recursive: true });
  }
  return { ratios, figures };
}

type Call = Pick<ExecRequest, 'language' | 'code' | 'workspace'>;

interface Ran {
  readonly firstMs: number;
  /** As the driver counts it, from when the program's time begins. */
  readonly durationMs: number;
}

/** Runs a program to its end. */
async function exec(sandbox: Pick<Sandbox, 'exec'>, call: Call, timeoutMs = 60_000): Promise<Ran> {
  const begun = performance.now();
  let firstMs = Number.NaN;
  const onOutput = () => {
    if (Number.isNaN(firstMs)) firstMs = performance.now() - begun;
  };
  const result = await sandbox.exec(
    { ...call, timeoutMs, maxOutputBytes: 1_000, onOutput },
    new AbortController().signal,
  );
  if (result.stdout !== 'begun\n') throw new Error(`a program did not begin: ${JSON.stringify(result)}`);
  return { firstMs, durationMs: result.durationMs };
}

async function firstOutput(sandbox: Pick<Sandbox, 'exec'>, call: Call): Promise<number> {
  return (await exec(sandbox, call)).firstMs;
}

async function manyAtOnce(sandbox: Pick<Sandbox, 'exec'>, workspace: string): Promise<number> {
  const begun = performance.now();
  const call = { language: 'bash', code: PROGRAMS.bash.code, workspace } as const;
  await Promise.all(Array.from({ length: AT_ONCE }, () => exec(sandbox, call)));
  return performance.now() - begun;
}

async function lateness(sandbox: Pick<Sandbox, 'exec'>, workspace: string): Promise<number> {
  return (await exec(sandbox, { language: 'bash', code: STUBBORN, workspace }, TIMEOUT_MS)).durationMs - TIMEOUT_MS;
}

/** A command of the host to its first output; answers once it has ended. */
async function firstOutputOf([command, ...args]: readonly string[]): Promise<number> {
  const begun = performance.now();
  let firstMs = Number.NaN;
  const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.once('data', () => (firstMs = performance.now() - begun));
  await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (Number.isNaN(firstMs)) throw new Error(`${command} ${args.join(' ')} said nothing`);
  return firstMs;
}
