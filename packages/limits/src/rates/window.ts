import { createBatcher } from '@reeve/kit';
import type { RateEntry, RateStore } from './count.ts';

/*
 * Takes requests of one process from windows of a store that others count in too. Requests that come while others are counted
 * share the next batch, in their order. Nothing is ever let through that the store has not counted, so all processes together
 * let through at most the limit.
 *
 * Where a limit is large, a batch also takes a thousandth of it ahead, and what comes next is taken from that without asking.
 * What is left of it at the window's end is lost; so none is taken ahead of small limits, which are exact to the last
 * request, nor once nine tenths of a window are used.
 */

/** One request against one limit. */
export interface Ask {
  readonly tenantId: string;
  readonly key: string;
  readonly limit: number;
  readonly windowS: number;
}

/** What became of it. */
export interface Taken {
  readonly allowed: boolean;
  readonly limit: number;
  readonly windowS: number;
  /** How many more the window has room for, as far as is known here. */
  readonly remaining: number;
  readonly endsInMs: number;
}

/** A window as it was last seen. */
interface Seen {
  readonly count: number;
  readonly limit: number;
  readonly until: number;
  /** Of those counted: how many may still be let through here. */
  ahead: number;
}

/** From this limit on requests are taken ahead. */
export const AHEAD_FROM = 6_000;
const AHEAD_SHARE = 1 / 1_000;
const AHEAD_UP_TO = 0.9;
const MOST_KNOWN = 10_000;
const TOGETHER = 10_000;

/** Takes requests from windows of a store. A window that is known to be full is not asked again until it ends. Rejects with what the store does. */
export function createWindows(store: RateStore): (ask: Ask) => Promise<Taken> {
  const windows = new Map<string, Seen>();
  const count = createBatcher<Ask, Taken>(
    async (asks) => {
      const groups = Map.groupBy(asks, nameOf);
      const entries = [...groups].map(([name, group]): RateEntry & { ahead: number } => {
        const ahead = aheadOf(windows.get(name), group);
        return { ...group[0]!, count: group.length + ahead, ahead };
      });
      const counted = await store.add(entries);
      const taken = new Map<string, Iterator<Taken>>();
      for (const [index, [name, group]] of [...groups].entries()) {
        const { count: after, endsInMs } = counted[index]!;
        const before = after - entries[index]!.count;
        const { limit } = group.at(-1)!;
        const ahead = Math.min(entries[index]!.ahead, Math.max(0, limit - before - group.length));
        const kept = keptAhead(windows.get(name), limit, before);
        remember(windows, name, { count: after, limit, until: performance.now() + endsInMs, ahead: ahead + kept });
        taken.set(name, takenOf(group, before, endsInMs));
      }
      return asks.map((ask) => taken.get(nameOf(ask))!.next().value as Taken);
    },
    { limit: TOGETHER, together: () => true },
  );
  return async (ask) => takeHere(windows, ask) ?? count(ask);
}

/** What is known of a window without asking; undefined where the store must be asked. */
function takeHere(windows: Map<string, Seen>, ask: Ask): Taken | undefined {
  const name = nameOf(ask);
  const seen = windows.get(name);
  if (seen === undefined) return undefined;
  const endsInMs = seen.until - performance.now();
  if (endsInMs <= 0) {
    windows.delete(name);
    return undefined;
  }
  const { limit, windowS } = ask;
  // What was taken ahead under another limit is lost.
  if (seen.limit !== limit) seen.ahead = 0;
  if (seen.ahead > 0) {
    seen.ahead -= 1;
    return { allowed: true, limit, windowS, remaining: Math.max(0, limit - seen.count) + seen.ahead, endsInMs };
  }
  return seen.count >= limit ? { allowed: false, limit, windowS, remaining: 0, endsInMs } : undefined;
}

function aheadOf(seen: Seen | undefined, asks: readonly Ask[]): number {
  const { limit } = asks.at(-1)!;
  if (seen === undefined || seen.ahead > 0 || limit < AHEAD_FROM || seen.count + asks.length > limit * AHEAD_UP_TO)
    return 0;
  return Math.floor(limit * AHEAD_SHARE);
}

/** What was taken ahead before, unless it was of another window, which holds less now, or under another limit. */
function keptAhead(seen: Seen | undefined, limit: number, before: number): number {
  return seen !== undefined && seen.limit === limit && before >= seen.count ? seen.ahead : 0;
}

/** The requests of one window in their order, where `before` had come before them. */
function* takenOf(asks: readonly Ask[], before: number, endsInMs: number): Generator<Taken> {
  for (const [index, { limit, windowS }] of asks.entries()) {
    const used = before + index + 1;
    yield { allowed: used <= limit, limit, windowS, remaining: Math.max(0, limit - used), endsInMs };
  }
}

/** What is known of a window only ever spares a question, so that any of it may be forgotten. */
function remember(windows: Map<string, Seen>, name: string, seen: Seen): void {
  if (windows.size >= MOST_KNOWN) {
    const now = performance.now();
    for (const [known, { until }] of windows) if (until <= now) windows.delete(known);
    if (windows.size >= MOST_KNOWN) windows.clear();
  }
  windows.set(name, seen);
}

function nameOf({ tenantId, key }: Ask): string {
  return `${tenantId}:${key}`;
}
