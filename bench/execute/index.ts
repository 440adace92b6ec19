import { fileURLToPath } from 'node:url';
import { startServer } from '@reeve/testing';
import { Pool } from 'undici';
import { startChild } from '../child.ts';
import type { Load } from '../load.ts';
import {
  interleave,
  measured,
  percentile,
  ratio,
  type BenchOptions,
  type Measured,
  type Measurements,
} from '../measure.ts';
import { createPlace, kindsOf } from '../place.ts';
import { load, type Target } from './load.ts';

/** What is asked: answered by the built-in model alone, and with one call of a tool. */
const TASKS = { 'no tool': 'Hello.', 'one tool': 'What is 6 * 7?' } as const;
const CALLERS = [1, 16] as const;

/**
 * `POST /execute` with the built-in model, everything durable on, against a bare `node:http` handler that parses and
 * answers JSON: both in processes of their own, this process is the client of both.
 */
export async function bench(options: BenchOptions): Promise<Measurements> {
  const windowMs = options.quick ? 500 : 3_000;
  await using stack = new AsyncDisposableStack();
  const target = (url: string, pid: number): Target => {
    const pool = new Pool(url, { connections: Math.max(...CALLERS) });
    stack.defer(() => pool.close());
    return { pool, pid };
  };
  const floor = stack.use(await startChild([fileURLToPath(new URL('bare.ts', import.meta.url))]));
  const bare = target(floor.url, floor.pid);
  const servers: [string, Target][] = [];
  for (const kind of kindsOf(options)) {
    const place = stack.use(await createPlace(kind));
    const server = stack.use(await startServer({ ...place, environment: { LOG_LEVEL: 'info' } }));
    servers.push([kind, target(server.url, server.pid)]);
  }

  const sides: Record<string, () => Promise<Load>> = {};
  for (const callers of CALLERS) {
    sides[`bare, ${callers}`] = () => load(bare, TASKS['no tool'], callers, windowMs);
    for (const [kind, server] of servers) {
      for (const [name, task] of Object.entries(TASKS))
        sides[`${kind}, ${name}, ${callers}`] = () => load(server, task, callers, windowMs);
    }
  }
  for (const warmUp of Object.values(sides)) await warmUp();
  const loads = await interleave(options.quick ? 5 : 11, sides);
  return measurementsOf(loads);
}

function measurementsOf(loads: Readonly<Record<string, readonly Load[]>>): Measurements {
  const ratios: Record<string, Measured> = {};
  const figures: Record<string, Measured> = {};
  const rate = (side: readonly Load[]) => side.map(({ perSecond }) => perSecond);
  const cpu = (side: readonly Load[]) => side.map(({ cpuMsPerRequest }) => cpuMsPerRequest);
  for (const [name, side] of Object.entries(loads)) {
    const callers = name.split(', ').at(-1)!;
    const bare = loads[`bare, ${callers}`]!;
    if (side !== bare) {
      ratios[`requests/s / bare: ${name} at once`] = ratio(rate(side), rate(bare), { atLeast: 0.15 });
      ratios[`processor time / bare: ${name} at once`] = ratio(cpu(side), cpu(bare));
    }
    figures[`rate: ${name} at once`] = measured(rate(side), 'requests/s');
    figures[`p50: ${name} at once`] = measured(
      side.map(({ latenciesMs }) => percentile(latenciesMs, 50)),
      'ms',
    );
    figures[`p99: ${name} at once`] = measured(
      side.map(({ latenciesMs }) => percentile(latenciesMs, 99)),
      'ms',
    );
    figures[`processor time: ${name} at once`] = measured(cpu(side), 'ms/request');
  }
  return { ratios, figures };
}
