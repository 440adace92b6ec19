import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { residentMb } from '../child.ts';
import { measured, type BenchOptions, type Measured, type Measurements } from '../measure.ts';
import { ensurePeers } from '../peers.ts';
import { kindsOf } from '../place.ts';
import { startDoor, type Door } from './doors.ts';

const RATE = 50;
const CONNECTIONS = 10;
/** The long load is told of in so many parts, so that a slow growth shows. */
const PARTS = 3;
const STAGE_S = 10;
const STAGE_FACTOR = 1.5;
const MOST_STAGES = 20;
const RAMP_CONNECTIONS = 64;
/** A stage that reaches less of its rate is saturation. */
const REACHED = 0.95;
const P95_GOAL = { atMost: 100 };

/** What autocannon answers, as far as it is used. Latencies reckon with requests that could not be sent in time. */
interface Outcome {
  readonly latency: { readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number };
  readonly duration: number;
  readonly errors: number;
  readonly non2xx: number;
  readonly mismatches: number;
  readonly '2xx': number;
}
type Autocannon = (options: Readonly<Record<string, unknown>>) => PromiseLike<Outcome>;

/**
 * `POST /execute` with the built-in model, a key and limits: 50 requests a second for so many minutes, then more and more until
 * no more are answered or one fails. Memory is the server's.
 */
export async function soak(options: BenchOptions, minutes: number): Promise<Measurements> {
  await ensurePeers(import.meta.dirname);
  const ask = openAutocannon();
  await using stack = new AsyncDisposableStack();
  const kind = kindsOf(options).at(-1)!;
  const door = await startDoor('guarded', kind, stack);
  await ask(requestsTo(door, RATE, CONNECTIONS, 5));
  const ratios: Record<string, Measured> = {};
  const figures: Record<string, Measured> = {};
  await holdRate(door, ask, minutes, ratios, figures);
  await ramp(door, ask, ratios, figures);
  return { ratios, figures };
}

async function holdRate(
  door: Door,
  ask: Autocannon,
  minutes: number,
  ratios: Record<string, Measured>,
  figures: Record<string, Measured>,
): Promise<void> {
  const memory = [await residentMb(door.pid)];
  const parts: Outcome[] = [];
  for (let part = 0; part < PARTS; part += 1) {
    // One half after the other, for the memory in the middle of all is in the middle of a part.
    const asked = ask(requestsTo(door, RATE, CONNECTIONS, Math.max(1, Math.round((minutes * 60) / PARTS))));
    if (part === 1) memory.push(await sleep((minutes * 60_000) / PARTS / 2).then(() => residentMb(door.pid)));
    parts.push(await asked);
    console.error(told(`${RATE}/s, part ${part + 1} of ${PARTS}`, parts.at(-1)!));
  }
  memory.push(await residentMb(door.pid));
  const of = (numberOf: (outcome: Outcome) => number) => parts.map(numberOf);
  const total = (numberOf: (outcome: Outcome) => number) => of(numberOf).reduce((sum, count) => sum + count, 0);
  const title = `${RATE} requests/s for ${minutes} min`;
  ratios[`answered with 200 / asked for, ${title}`] = measured(
    of((outcome) => outcome['2xx'] / (RATE * outcome.duration)),
    '×',
    { atLeast: REACHED },
  );
  ratios[`p95, last part / first, ${title}`] = measured([parts.at(-1)!.latency.p95 / parts[0]!.latency.p95], '×');
  ratios[`memory, end / middle, ${title}`] = measured([memory[2]! / memory[1]!], '×');
  ratios[`failed, ${title}`] = measured([total(failedOf)], 'requests', { atMost: 0 });
  figures[`answered with 200, ${title}`] = measured([total((outcome) => outcome['2xx'])], 'requests');
  for (const p of ['p50', 'p95', 'p99', 'max'] as const)
    figures[`${p}, ${title}`] = measured(
      of(({ latency }) => latency[p]),
      'ms',
      p === 'p95' ? P95_GOAL : undefined,
    );
  for (const [index, when] of ['start', 'middle', 'end'].entries())
    figures[`memory at the ${when}, ${title}`] = measured([memory[index]!], 'MB');
}

async function ramp(
  door: Door,
  ask: Autocannon,
  ratios: Record<string, Measured>,
  figures: Record<string, Measured>,
): Promise<void> {
  let good = 0;
  let most = 0;
  for (let stage = 0, rate = 2 * RATE; stage < MOST_STAGES; stage += 1, rate = Math.round(rate * STAGE_FACTOR)) {
    const outcome = await ask(requestsTo(door, rate, RAMP_CONNECTIONS, STAGE_S));
    const reached = outcome['2xx'] / outcome.duration;
    console.error(told(`${rate}/s`, outcome));
    figures[`ramp, ${rate} asked for: answered`] = measured([reached], 'requests/s');
    figures[`ramp, ${rate} asked for: p50`] = measured([outcome.latency.p50], 'ms');
    figures[`ramp, ${rate} asked for: p95`] = measured([outcome.latency.p95], 'ms');
    figures[`ramp, ${rate} asked for: p99`] = measured([outcome.latency.p99], 'ms');
    figures[`ramp, ${rate} asked for: failed`] = measured([failedOf(outcome)], 'requests');
    most = Math.max(most, reached);
    const held = failedOf(outcome) === 0 && reached >= REACHED * rate;
    if (held && outcome.latency.p95 <= P95_GOAL.atMost) good = reached;
    if (!held) break;
  }
  ratios[`most answered in a second / ${RATE}`] = measured([most / RATE], '×');
  ratios[`most answered in a second with p95 ≤ ${P95_GOAL.atMost} ms and none failed / ${RATE}`] = measured(
    [good / RATE],
    '×',
    { atLeast: 10 },
  );
  figures['memory after the ramp'] = measured([await residentMb(door.pid)], 'MB');
}

function requestsTo(door: Door, overallRate: number, connections: number, duration: number) {
  return {
    url: `${door.origin}/execute`,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...door.headers },
    body: JSON.stringify({ task: 'Hello.' }),
    verifyBody: (text: string) => text.includes('"status":"completed"'),
    overallRate,
    connections,
    duration,
    timeout: 30,
  };
}

/** autocannon in this process, made to tell of p95 too. */
function openAutocannon(): Autocannon {
  const installed = createRequire(new URL('package.json', import.meta.url));
  const { percentiles } = installed('hdr-histogram-percentiles-obj') as { percentiles: number[] };
  if (!percentiles.includes(95)) percentiles.push(95);
  return installed('autocannon') as Autocannon;
}

/** Answers that are not 2xx, and those that are but hold no result; requests without an answer. */
function failedOf({ errors, non2xx, mismatches }: Outcome): number {
  return errors + non2xx + mismatches;
}

function told(what: string, outcome: Outcome): string {
  const { p50, p95, p99 } = outcome.latency;
  return `${what}: ${outcome['2xx']} answered in ${outcome.duration} s, ${failedOf(outcome)} failed, p50 ${p50}, p95 ${p95}, p99 ${p99} ms`;
}
