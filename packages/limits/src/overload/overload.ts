import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ComponentHealth } from '@reeve/contract';
import { counter, gauge, ReeveError, type Log } from '@reeve/kit';
import { priorityOf, SHED_AT, type AskedRoute } from './priority.ts';

/*
 * Too much for this process, whoever asks.
 *
 *   level 0 ◄──► 1 (lists are put off) ◄──► 2 (new work too) ◄──► 3 (all but what is vital)
 *
 * Two signals, each with a threshold for every level: requests in flight, and the delay of the event loop, both looked at four
 * times a second. A level is reached at its threshold (by requests at once, with the one that is too much; by the delay when it
 * was seen twice in a row) and left, one at a time, below four fifths of it (by the delay after two seconds): so a process at its
 * limit does not flutter.
 */

/** Sheds requests by their priority. Disposing stops looking. */
export interface Overload extends Disposable {
  /** Why a request is put off: `unavailable`, with the time to try again after; undefined where it is not. */
  shed(route: AskedRoute): ReeveError | undefined;
  /** Counts a request as in flight until what it answers is called, once: when its answer begins. */
  enter(): () => void;
  /** The higher level of both signals, 0 to 3. */
  level(): number;
  health(): ComponentHealth;
}

export interface OverloadParts {
  readonly config: { readonly maxInFlight: number; readonly maxLoopDelayMs: number };
  readonly log: Log;
  /** Time between two looks at the event loop, in milliseconds. */
  readonly lookMs?: number;
}

const LOOK_MS = 250;
/** The timer that measures the loop is late by as much as it waits, where nothing delays it. */
const RESOLUTION_MS = 10;
const ENOUGH_TURNS = 5;
const RISING_LOOKS = 2;
const FALLING_LOOKS = 8;
const CALM = 0.8;
const RETRY_MS = [0, 1_000, 2_000, 5_000] as const;

/** Thresholds of the levels 1, 2 and 3, as shares of what is configured. */
const IN_FLIGHT_SHARES = [0.75, 1, 1.5] as const;
const DELAY_SHARES = [0.5, 1, 2] as const;

const shedRequests = counter('reeve_shed_requests_total', 'Requests put off because of overload, by priority.', [
  'priority',
]);
const levels = gauge(
  'reeve_overload_level',
  '0: none; 1: lists are put off; 2: new work too; 3: all but what is vital.',
);
const delays = gauge('reeve_event_loop_delay_seconds', 'Delay of the event loop that overload is judged by.');
const inFlights = gauge('reeve_requests_in_flight', 'Requests whose answers have not begun.');

/** Begins to watch this process. A maximum of 0 leaves its signal out. */
export function createOverload({ config, log, lookMs = LOOK_MS }: OverloadParts): Overload {
  const byInFlight = config.maxInFlight === 0 ? [] : IN_FLIGHT_SHARES.map((share) => share * config.maxInFlight);
  const byDelay = config.maxLoopDelayMs === 0 ? [] : DELAY_SHARES.map((share) => share * config.maxLoopDelayMs);
  let inFlight = 0;
  let flightLevel = 0;
  let delayLevel = 0;
  let rising = 0;
  let falling = 0;
  let told = 0;

  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let lookedAt = performance.now();
  const timer = setInterval(() => {
    // Falls here, one level a look, and rises with the request that is too much.
    flightLevel = nextLevel(flightLevel, inFlight, byInFlight);
    inFlights.set(inFlight);
    judgeDelay();
    tell();
  }, lookMs);
  timer.unref();

  /** Waits until there are turns enough to judge by, or for a second, which may be a single turn. */
  function judgeDelay(): void {
    const sinceMs = performance.now() - lookedAt;
    if (histogram.count < ENOUGH_TURNS && sinceMs < 1_000) return;
    // Of the turns of the loop, most: a single long one, such as a collection of garbage, is no overload.
    const measuredMs = histogram.count === 0 ? sinceMs - lookMs : histogram.percentile(90) / 1e6 - RESOLUTION_MS;
    const delayMs = Math.max(0, measuredMs);
    histogram.reset();
    lookedAt = performance.now();
    delays.set(delayMs / 1_000);
    const next = nextLevel(delayLevel, delayMs, byDelay);
    rising = next > delayLevel ? rising + 1 : 0;
    falling = next < delayLevel ? falling + 1 : 0;
    if (rising >= RISING_LOOKS || falling >= FALLING_LOOKS) {
      delayLevel = next;
      rising = falling = 0;
    }
  }

  const level = () => Math.max(flightLevel, delayLevel);
  function tell(): void {
    const now = level();
    levels.set(now);
    if (now > 0 && told === 0)
      log.warn({ level: now, in_flight: inFlight }, 'overloaded: requests are put off by priority');
    if (now === 0 && told > 0) log.info('no longer overloaded');
    told = now;
  }

  return {
    shed(route) {
      flightLevel = Math.max(flightLevel, nextLevel(flightLevel, inFlight, byInFlight));
      const now = level();
      if (now === 0) return undefined;
      const priority = priorityOf(route);
      if (now < SHED_AT[priority]) return undefined;
      shedRequests.inc({ priority });
      // Spread, so that all who were put off do not come back at once.
      const retryAfterMs = RETRY_MS[now]! * (1 + Math.random());
      return new ReeveError('unavailable', 'the server has more to do than it can; try again in a moment', {
        retryAfterMs,
      });
    },
    enter() {
      inFlight += 1;
      let left = false;
      return () => {
        if (left) return;
        left = true;
        inFlight -= 1;
      };
    },
    level,
    health: () =>
      level() === 0
        ? { status: 'ok', message: `${inFlight} requests in flight` }
        : { status: 'degraded', message: `overload of level ${level()} of 3, ${inFlight} requests in flight` },
    [Symbol.dispose]() {
      clearInterval(timer);
      histogram.disable();
    },
  };
}

/** Up to the highest level whose threshold is reached, or down by one where the value is well below that of the present one. */
export function nextLevel(level: number, value: number, thresholds: readonly number[]): number {
  const reached = thresholds.filter((threshold) => value >= threshold).length;
  if (reached > level) return reached;
  return level > 0 && value < thresholds[level - 1]! * CALM ? level - 1 : level;
}
