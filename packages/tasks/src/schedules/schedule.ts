import type { CatchUp } from '@reeve/contract';
import { nextDue, type Times } from './due-time.ts';

/*
 * The life of a due time
 *
 *   next_run_at ──it comes──► on time ─────────────────► task
 *                    └──────► missed ──catch_up: one──► one task for all missed ones
 *                                     └──────── skip──► no task
 *
 * One transaction creates the task, or not, writes the journal entry and advances next_run_at, so that each due time takes effect once
 * even if the process dies. A schedule that cannot create its task misses the time and goes on to the next.
 */

/** What is to be done about a schedule that is due. */
export interface Plan {
  readonly action: 'fire' | 'skip';
  /** The due time that was waited for. */
  readonly dueAt: Date;
  /** The last of those that it covers. */
  readonly lastAt: Date;
  /** How many due times it covers, counted up to a bound. */
  readonly covered: number;
  /** There were more than were counted. */
  readonly more: boolean;
  /** Later than all that it covers; where that has come too, it is due again at once. */
  readonly nextRunAt: Date | null;
}

/** A due time that is noticed later than this, in milliseconds, was missed. */
const GRACE_MS = 60_000;
/** Missed times are counted up to here: each costs the reckoning of a date. */
const COUNTED = 500;

/**
 * What to do at the time `at`; undefined where nothing is due. On time it makes the task of one due time. `skip` passes over all
 * that were missed and leaves one that is on time to be made next; `one` makes one task for all that have come. At most
 * `countUpTo` of them are counted.
 */
export function planOf(
  schedule: Times & { readonly next_run_at: Date | null; readonly catch_up: CatchUp },
  at: Date,
  countUpTo = COUNTED,
): Plan | undefined {
  const dueAt = schedule.next_run_at;
  if (dueAt === null || dueAt > at) return undefined;
  const inTime = new Date(at.getTime() - GRACE_MS);
  if (dueAt >= inTime)
    return { action: 'fire', dueAt, lastAt: dueAt, covered: 1, more: false, nextRunAt: nextDue(schedule, dueAt) };
  const action = schedule.catch_up === 'one' ? 'fire' : 'skip';
  /** Everything up to here is covered. */
  const end = action === 'fire' ? at : new Date(inTime.getTime() - 1);
  let lastAt = dueAt;
  let covered = 1;
  let next = nextDue(schedule, dueAt);
  while (next !== null && next <= end && covered < countUpTo) {
    lastAt = next;
    covered += 1;
    next = nextDue(schedule, next);
  }
  const more = next !== null && next <= end;
  return { action, dueAt, lastAt, covered, more, nextRunAt: more ? nextDue(schedule, end) : next };
}
