import { setTimeout as sleep } from 'node:timers/promises';
import { cpuMs, databaseCpuMs } from '../child.ts';
import { execute } from '../execute/load.ts';
import { load } from '../load.ts';
import { interleave, measured, ratio, type BenchOptions, type Measured, type Measurements } from '../measure.ts';
import { kindsOf, type Kind } from '../place.ts';
import { startBare, startDoor, type Door, type DoorName } from './doors.ts';
import { profile } from './profile.ts';

const CALLERS = 16;
/** Longer than the sealer pauses, so that what a load wrote is sealed before its processor time is read. */
const SEALED_MS = 1_600;

const ASKS = {
  'GET /health': (door: Door) => get(door, '/health'),
  'GET /version': (door: Door) => get(door, '/version'),
  'POST /execute': (door: Door) => execute(door, 'Hello.'),
} as const;
type What = keyof typeof ASKS;
const WHATS = Object.keys(ASKS) as What[];

interface Window {
  readonly windowMs: number;
  /** Before processor times are read. */
  readonly restMs: number;
}

/** Whether there is time for something, which is reported where there is not. */
type HasTime = (what: string) => boolean;

/** Of a while of requests, for each of them. */
interface Cost {
  readonly perSecond: number;
  /** Processor time of the server. */
  readonly ownMs: number;
  /** And of its PostgreSQL, as far as that can be seen. */
  readonly allMs: number;
}

/**
 * What Reeve's own routes cost beside a bare `node:http`, and which share of it keys, limits and the audit log have. Begins no part
 * for which `hasTime` is false.
 */
export async function measureCost(options: BenchOptions, hasTime: HasTime): Promise<Measurements> {
  const { quick } = options;
  await using stack = new AsyncDisposableStack();
  const kind = kindsOf(options).at(-1)!;
  const start = (name: DoorName) => startDoor(name, kind, stack);
  const [bare, guarded] = await Promise.all([startBare(stack), start('guarded')]);
  await warmUp(guarded, CALLERS, quick);
  const sides: Record<string, () => Promise<Cost>> = {};
  for (const what of WHATS)
    for (const [name, door] of Object.entries({ bare, guarded }))
      sides[`${what}: ${name}`] = () => costOf(door, what, CALLERS, { windowMs: quick ? 250 : 1_500, restMs: 0 });
  for (const once of Object.values(sides)) await once();
  const { ratios, figures } = besideBare(await interleave(quick ? 3 : 7, sides));
  if (hasTime('a profile of POST /execute')) {
    const work = () => load(guarded.pid, () => execute(guarded, 'Hello.'), CALLERS, quick ? 700 : 10_000);
    const parts = await profile(guarded, () => work().then(() => sleep(SEALED_MS)));
    for (const [part, percent] of Object.entries(parts))
      ratios[`${part} on the stack, of POST /execute: share of the server's processor time`] = measured([percent], '%');
  }
  if (hasTime('servers without keys, limits and audit'))
    Object.assign(ratios, await measureShares(start, kind, options));
  return { ratios, figures };
}

/**
 * What servers without something save. All are started anew, equally old, and asked at the same time, so that neither what they
 * have learned nor what else the machine does meets one of them alone.
 */
async function measureShares(
  start: (name: DoorName) => Promise<Door>,
  kind: Kind,
  { quick }: BenchOptions,
): Promise<Record<string, Measured>> {
  const [guarded, development] = await Promise.all([start('guarded'), start('development')]);
  const [counted, unaudited] =
    kind === 'postgres' ? await Promise.all([start('counted'), start('unaudited')]) : [undefined, undefined];
  const doors = { guarded, development, ...(counted && { counted }), ...(unaudited && { unaudited }) };
  const callers = CALLERS / 4;
  await Promise.all(Object.values(doors).map((door) => warmUp(door, callers, quick)));
  const rounds = quick ? 2 : 11;
  const take = async (what: What, window: Window): Promise<Record<string, Cost>[]> => {
    const taken: Record<string, Cost>[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const costs = Object.entries(doors).map(async ([name, door]) => [
        name,
        await costOf(door, what, callers, window),
      ]);
      taken.push(Object.fromEntries(await Promise.all(costs)) as Record<string, Cost>);
    }
    return taken;
  };
  const version = await take('GET /version', { windowMs: quick ? 250 : 1_000, restMs: 0 });
  const execution = await take('POST /execute', { windowMs: quick ? 500 : 4_000, restMs: SEALED_MS });
  return {
    ...sharesOf('key and limit, of GET /version', version, 'guarded', 'development'),
    ...sharesOf('key and limit, of POST /execute', execution, 'guarded', 'development'),
    ...(counted && sharesOf('key and small limit, of GET /version', version, 'counted', 'development')),
    ...(unaudited && sharesOf('audit, sealed, of POST /execute', execution, 'guarded', 'unaudited')),
  };
}

/** By round: of the server's processor time, and with its database's. */
function sharesOf(
  title: string,
  rounds: readonly Readonly<Record<string, Cost>>[],
  side: DoorName,
  without: DoorName,
): Record<string, Measured> {
  const share = (ms: (cost: Cost) => number) =>
    measured(
      rounds.map((costs) => 100 * (1 - ms(costs[without]!) / ms(costs[side]!))),
      '%',
    );
  const all = share(({ allMs }) => allMs);
  return {
    [`${title}: share of the server's processor time`]: share(({ ownMs }) => ownMs),
    ...(Number.isFinite(all.median) && { [`${title}: share of the server's and the database's`]: all }),
  };
}

/** Code that is not compiled yet would count as the cost of whatever is new. */
async function warmUp(door: Door, callers: number, quick: boolean): Promise<void> {
  await load(door.pid, () => execute(door, 'Hello.'), callers, quick ? 500 : 15_000);
}

function besideBare(costs: Readonly<Record<string, readonly Cost[]>>): {
  ratios: Record<string, Measured>;
  figures: Record<string, Measured>;
} {
  const ratios: Record<string, Measured> = {};
  const figures: Record<string, Measured> = {};
  const rate = (side: readonly Cost[]) => side.map(({ perSecond }) => perSecond);
  const own = (side: readonly Cost[]) => side.map(({ ownMs }) => ownMs);
  for (const what of WHATS) {
    const [bare, guarded] = [costs[`${what}: bare`]!, costs[`${what}: guarded`]!];
    const title = `${what} with a key, ${CALLERS} at once`;
    const goal = what === 'POST /execute' ? { atLeast: 0.15 } : undefined;
    ratios[`requests/s, ${title}: Reeve / bare`] = ratio(rate(guarded), rate(bare), goal);
    ratios[`processor time, ${title}: Reeve / bare`] = ratio(own(guarded), own(bare));
    for (const [name, side] of Object.entries({ bare, Reeve: guarded })) {
      figures[`rate, ${title}: ${name}`] = measured(rate(side), 'requests/s');
      figures[`processor time, ${title}: ${name}`] = measured(own(side), 'ms/request');
    }
  }
  return { ratios, figures };
}

/** Asks for a while; processor times are read after a rest. */
async function costOf(door: Door, what: What, callers: number, { windowMs, restMs }: Window): Promise<Cost> {
  const databaseMs = async () =>
    door.database === undefined ? new Map<string, number>() : databaseCpuMs(door.database);
  const [ownBefore, before] = [await cpuMs(door.pid), await databaseMs()];
  const { perSecond, latenciesMs } = await load(door.pid, () => ASKS[what](door), callers, windowMs);
  await sleep(restMs);
  const ownMs = ((await cpuMs(door.pid)) - ownBefore) / latenciesMs.length;
  const after = [...(await databaseMs())];
  const spentMs = after.reduce((sum, [pid, cpu]) => sum + cpu - (before.get(pid) ?? 0), 0);
  return { perSecond, ownMs, allMs: after.length === 0 ? Number.NaN : ownMs + spentMs / latenciesMs.length };
}

async function get({ pool, headers }: Door, path: string): Promise<void> {
  const answer = await pool.request({ path, method: 'GET', headers });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) throw new Error(`GET ${path} answered ${answer.statusCode}: ${text.slice(0, 200)}`);
}
