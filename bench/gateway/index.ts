import { fileURLToPath } from 'node:url';
import { startChild } from '../child.ts';
import type { Load } from '../load.ts';
import {
  interleave,
  measured,
  percentile,
  ratio,
  type BenchOptions,
  type Goal,
  type Measured,
  type Measurements,
} from '../measure.ts';
import { ensurePeers } from '../peers.ts';
import { kindsOf } from '../place.ts';
import { measureCost } from './cost.ts';
import { measureLeaving } from './leaving.ts';
import { load, type Ask } from './load.ts';
import { direct, startFloor, startGateway, startPortkey, type Gateway } from './server.ts';
import { measureSpending } from './spending.ts';

const CHUNKS = 100;
const ASKS: Readonly<Record<string, Ask>> = {
  JSON: { model: 'fake-40-0', stream: false, chunks: 0 },
  [`${CHUNKS} chunks`]: { model: `fake-${CHUNKS}-0`, stream: true, chunks: CHUNKS },
};
const CALLERS = [1, 16] as const;
/** With --quick nothing is begun after that. */
const QUICK_MS = 32_000;
const CPU_GOALS: Readonly<Record<string, Goal>> = { JSON: { atMost: 2.2 }, [`${CHUNKS} chunks`]: { atMost: 1.5 } };

export { soak } from './soak.ts';

/**
 * `/v1/chat/completions` for a plain model, in front of a fake upstream: Reeve with authentication, ledger, prices and a budget,
 * beside the smallest proxy (the floor) and @portkey-ai/gateway. Each in a process of its own, this process is the client of all. Then
 * what Reeve's own routes cost, and what of it is for keys, limits and audit.
 */
export async function bench(options: BenchOptions): Promise<Measurements> {
  const problems: string[] = [];
  const begun = performance.now();
  const hasTime = (what: string) => {
    const has = !options.quick || performance.now() - begun < QUICK_MS;
    if (!has) console.error(`left out, for --quick has no time left: ${what}`);
    return has;
  };
  await using stack = new AsyncDisposableStack();
  const upstream = stack.use(await startChild([fileURLToPath(new URL('upstream.ts', import.meta.url))]));
  const floor = await startFloor(upstream.url, stack);
  const reeves: Gateway[] = [];
  const kinds = options.quick ? kindsOf(options).slice(-1) : kindsOf(options);
  for (const kind of kinds) reeves.push(await startGateway(kind, upstream.url, stack));
  const peers: Gateway[] = [];
  try {
    await ensurePeers(import.meta.dirname);
    peers.push(await startPortkey(upstream.url, stack));
  } catch (error) {
    problems.push(`Portkey: ${messageOf(error)}`);
  }

  const gateways = [direct(upstream, stack), floor, ...reeves, ...peers];
  const loads = await measureLoads(gateways, options, problems);
  const rest: Measurements[] = [];
  const sections = {
    leaving: () => measureLeaving([floor, ...reeves, ...peers], upstream.url),
    ...Object.fromEntries(reeves.map((reeve) => [`spending, ${reeve.name}`, () => measureSpending(reeve)])),
    'own routes': () => measureCost(options, hasTime),
  };
  for (const [name, measure] of Object.entries(sections)) {
    if (!hasTime(name)) continue;
    await measure().then(
      (found) => rest.push(found),
      (error: unknown) => problems.push(`${name}: ${messageOf(error)}`),
    );
  }
  for (const problem of problems) console.error(`not measured: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
  return {
    ratios: Object.assign(ratiosOf(loads), ...rest.map(({ ratios }) => ratios)) as Measurements['ratios'],
    figures: Object.assign(figuresOf(loads), ...rest.map(({ figures }) => figures)) as Measurements['figures'],
  };
}

type Loads = Readonly<Record<string, readonly Load[]>>;

/** Every gateway that answers, `<what>, <callers>: <gateway>`, in turns. One that does not answer in the warm-up is reported and left out. */
async function measureLoads(gateways: readonly Gateway[], { quick }: BenchOptions, problems: string[]): Promise<Loads> {
  const windowMs = quick ? 150 : 2_000;
  const sides: Record<string, () => Promise<Load>> = {};
  for (const [what, ask] of Object.entries(ASKS))
    for (const gateway of gateways) {
      try {
        await load(gateway, ask, 16, quick ? 200 : 3_000);
      } catch (error) {
        problems.push(`${gateway.name}, ${what}: ${messageOf(error)}`);
        continue;
      }
      for (const callers of CALLERS)
        sides[`${what}, ${callers}: ${gateway.name}`] = () => load(gateway, ask, callers, windowMs);
    }
  return interleave(quick ? 2 : 9, sides);
}

function ratiosOf(loads: Loads): Record<string, Measured> {
  const ratios: Record<string, Measured> = {};
  for (const [what, callers, name, own] of sidesOf(loads)) {
    if (name === 'direct' || name === 'floor') continue;
    const over = (other: string, figure: string, numberOf: (load: Load) => number, goal?: Goal) => {
      const theirs = loads[`${what}, ${callers}: ${other}`];
      if (theirs !== undefined && other !== name)
        ratios[`${figure}, ${what}, ${callers} at once: ${name} / ${other}`] = ratio(
          own.map(numberOf),
          theirs.map(numberOf),
          goal,
        );
    };
    const counts = name.startsWith('Reeve') && callers === '16';
    const cpu = ({ cpuMsPerRequest }: Load) => cpuMsPerRequest;
    over('floor', 'processor time', cpu, counts ? CPU_GOALS[what] : undefined);
    if (!name.startsWith('Reeve')) continue;
    over('Portkey', 'processor time', cpu, counts && what !== 'JSON' ? { atMost: 0.3 } : undefined);
    over(
      'Portkey',
      'requests/s',
      ({ perSecond }) => perSecond,
      counts && what === 'JSON' ? { atLeast: 3.5 } : undefined,
    );
    over('floor', 'requests/s', ({ perSecond }) => perSecond);
  }
  return ratios;
}

function figuresOf(loads: Loads): Record<string, Measured> {
  const figures: Record<string, Measured> = {};
  for (const [what, callers, name, own] of sidesOf(loads)) {
    const title = `${what}, ${callers} at once: ${name}`;
    figures[`rate, ${title}`] = measured(
      own.map(({ perSecond }) => perSecond),
      'requests/s',
    );
    if (name !== 'direct')
      figures[`processor time, ${title}`] = measured(
        own.map(({ cpuMsPerRequest }) => cpuMsPerRequest),
        'ms/request',
      );
    const bare = loads[`${what}, ${callers}: direct`];
    for (const p of [50, 99]) {
      const of = (side: readonly Load[]) => side.map(({ latenciesMs }) => percentile(latenciesMs, p));
      const without = bare === undefined ? [] : of(bare);
      if (name !== 'direct' && bare !== undefined && callers === '1')
        figures[`added p${p}, ${title}`] = measured(
          of(own).map((ms, round) => ms - without[round]!),
          'ms',
        );
    }
  }
  return figures;
}

function sidesOf(loads: Loads): (readonly [what: string, callers: string, name: string, own: readonly Load[]])[] {
  return Object.entries(loads).map(([side, own]) => {
    const [, what, callers, name] = /^(.*), (\d+): (.*)$/.exec(side)!;
    return [what!, callers!, name!, own] as const;
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
