import { recordJournal } from '@reeve/audit';
import { TaskInput, type DueSchedule } from '@reeve/contract';
import { isTransient, type Database, type Tx } from '@reeve/db';
import { counter, newTraceId, ReeveError, type Log } from '@reeve/kit';
import type { CheckTask } from '../queue/agent-names.ts';
import { insertQueued } from '../queue/insert-task.ts';
import type { PostCommitEffects } from '../queue/post-commit-effects.ts';
import { queueTransaction } from '../queue/queue-transaction.ts';
import { planOf, type Plan } from './schedule.ts';
import { lockDueSchedule, selectDue, selectTime, selectUpcoming, updatePassed, type StoredSchedule } from './store.ts';
import { shownError } from '../queue/task.ts';

/** The parts that schedules run with. */
export interface ScheduleParts {
  readonly database: Database;
  /** Asked again at each due time, since agents come and go. */
  readonly check: CheckTask;
  readonly log: Log;
}

/** The result of a look at all due schedules. */
interface Pass {
  readonly handled: readonly DueSchedule[];
  /** Milliseconds until the next due time that is known; null: none. */
  readonly nextInMs: number | null;
  /** Schedules that are due and were left alone: another process has them, or something is wrong with the database. */
  readonly left: number;
}

const BATCH = 20;
/** Most schedules that a dry run tells of. */
const TOLD = 200;

const passed = counter('reeve_schedules_due_total', 'Due times of schedules that passed.', ['outcome']);

/**
 * Creates the tasks of schedules that are due, of one tenant or of all, and returns what was done. Each schedule has a transaction
 * of its own; any number of processes may call this at once, and each due time takes effect once. Throws only when the database
 * cannot be reached.
 */
export async function runDueSchedules(
  parts: ScheduleParts,
  tenantId?: string,
  signal?: AbortSignal,
): Promise<DueSchedule[]> {
  return [...(await passDueTimes(parts, tenantId, signal)).handled];
}

/** What `runDueSchedules` would do now, of up to 200 schedules; changes nothing, and does not ask for the agents. */
export async function dueSchedules(database: Database, tenantId?: string): Promise<DueSchedule[]> {
  const at = await selectTime(database.db);
  const due = await selectDue(database.db, tenantId, TOLD);
  return due.flatMap((schedule) => {
    const plans: Plan[] = [];
    let plan = planOrEnd(schedule, at, 1);
    while (plan !== undefined) {
      plans.push(plan);
      plan = planOrEnd({ ...schedule, next_run_at: plan.nextRunAt }, at, 1);
    }
    return plans.map((plan) => shown(schedule, plan, null));
  });
}

/** The same, with the time of the next look. */
export async function passDueTimes(parts: ScheduleParts, tenantId?: string, signal?: AbortSignal): Promise<Pass> {
  const handled: DueSchedule[] = [];
  const left: string[] = [];
  for (;;) {
    const upcoming = await selectUpcoming(parts.database.db, tenantId, left, BATCH);
    const due = upcoming.filter(({ inMs }) => inMs <= 0);
    if (due.length === 0 || signal?.aborted) return { handled, nextInMs: upcoming[0]?.inMs ?? null, left: left.length };
    for (const one of due) {
      if (signal?.aborted) break;
      const done = await passDueTime(parts, one.tenantId, one.id).catch((error: unknown) => {
        parts.log.warn({ err: error, schedule_id: one.id }, 'a schedule could not be looked after; trying again');
        return undefined;
      });
      if (done === undefined) left.push(one.id);
      else handled.push(done);
    }
  }
}

/** Returns undefined when another process has the schedule or it is no longer due. */
async function passDueTime(parts: ScheduleParts, tenantId: string, id: string): Promise<DueSchedule | undefined> {
  const { database, check, log } = parts;
  const handle = (
    work: (tx: Tx, schedule: StoredSchedule, at: Date, effects: PostCommitEffects) => Promise<DueSchedule>,
  ) =>
    queueTransaction(database, null, tenantId, async (tx, effects) => {
      const found = await lockDueSchedule(tx, tenantId, id);
      if (found === undefined) return undefined;
      effects.journals.add(tenantId);
      return work(tx, found.schedule, found.at, effects);
    });
  let done: DueSchedule | undefined;
  try {
    done = await handle((tx, schedule, at, effects) => {
      const plan = planOf(schedule, at)!;
      return plan.action === 'fire' ? fire(tx, check, schedule, plan, at, effects) : skip(tx, schedule, plan);
    });
    if (done !== undefined) passed.inc({ outcome: done.action === 'fire' ? 'fired' : 'skipped' });
  } catch (thrown) {
    if (isTransient(thrown)) throw thrown;
    const error = ReeveError.from(thrown);
    if (error.reason === 'internal') log.error({ err: thrown, schedule_id: id }, 'a schedule failed');
    done = await handle((tx, schedule, at) => miss(tx, schedule, shownError(error), at));
    if (done !== undefined) passed.inc({ outcome: 'failed' });
  }
  return done;
}

async function fire(
  tx: Tx,
  check: CheckTask,
  schedule: StoredSchedule,
  plan: Plan,
  at: Date,
  effects: PostCommitEffects,
): Promise<DueSchedule> {
  const { tenant_id: tenantId, task_type, title, created_by_user_id } = schedule;
  const agentId = await check(tx, tenantId, schedule.agent_id, task_type);
  const traceId = newTraceId();
  const requester = { tenantId, userId: created_by_user_id ?? 'system', traceId };
  const input = TaskInput.parse({ agent_id: agentId, task_type, title, payload: schedule.config });
  const task = await insertQueued(tx, requester, input, effects);
  await updatePassed(tx, schedule.id, {
    nextRunAt: plan.nextRunAt,
    missed: plan.covered - 1,
    taskId: task.id,
    error: null,
  });
  await recordJournal(tx, [
    {
      tenantId,
      type: 'schedule_fired',
      agentId,
      taskId: task.id,
      scheduleId: schedule.id,
      traceId,
      summary: `the schedule ${named(schedule)} gave a task to ${agentId}${plan.covered > 1 ? `, one for ${times(plan)}` : ''}`,
      details: {
        due_at: plan.dueAt.toISOString(),
        task_id: task.id,
        late_ms: at.getTime() - plan.dueAt.getTime(),
        ...(plan.covered > 1 && { instead_of: plan.covered, to: plan.lastAt.toISOString() }),
      },
    },
  ]);
  return shown(schedule, plan, task.id);
}

async function skip(tx: Tx, schedule: StoredSchedule, plan: Plan): Promise<DueSchedule> {
  await updatePassed(tx, schedule.id, {
    nextRunAt: plan.nextRunAt,
    missed: plan.covered,
    taskId: null,
    error: schedule.last_error,
  });
  await recordJournal(tx, [
    {
      tenantId: schedule.tenant_id,
      type: 'schedule_skipped',
      agentId: schedule.agent_id,
      scheduleId: schedule.id,
      summary: `the schedule ${named(schedule)} missed ${times(plan)} and passed over ${plan.covered > 1 ? 'them' : 'it'}`,
      details: {
        missed: plan.covered,
        from: plan.dueAt.toISOString(),
        to: plan.lastAt.toISOString(),
        ...(plan.more && { more: true }),
      },
    },
  ]);
  return shown(schedule, plan, null);
}

/** Records that the task could not be created and moves to the next due time, or to none when that cannot be computed. */
async function miss(tx: Tx, schedule: StoredSchedule, error: ReeveError, at: Date): Promise<DueSchedule> {
  const plan = planOrEnd(schedule, at)!;
  await updatePassed(tx, schedule.id, {
    nextRunAt: plan.nextRunAt,
    missed: plan.covered,
    taskId: null,
    error: error.message,
  });
  await recordJournal(tx, [
    {
      tenantId: schedule.tenant_id,
      type: 'schedule_failed',
      agentId: schedule.agent_id,
      scheduleId: schedule.id,
      summary: `the schedule ${named(schedule)} could not make its task: ${error.message}`,
      details: { due_at: plan.dueAt.toISOString(), code: error.reason, message: error.message },
    },
  ]);
  return shown(schedule, plan, null);
}

/** As `planOf`; times that are not understood any more, as when a time zone was abolished, come no more. */
function planOrEnd(schedule: StoredSchedule, at: Date, countUpTo?: number): Plan | undefined {
  try {
    return planOf(schedule, at, countUpTo);
  } catch {
    const dueAt = schedule.next_run_at ?? at;
    return { action: 'fire', dueAt, lastAt: dueAt, covered: 1, more: false, nextRunAt: null };
  }
}

function shown(schedule: StoredSchedule, plan: Plan, taskId: string | null): DueSchedule {
  return {
    schedule_id: schedule.id,
    title: schedule.title,
    due_at: plan.dueAt.toISOString(),
    action: plan.action,
    task_id: taskId,
  };
}

function named({ title }: StoredSchedule): string {
  return title.slice(0, 200).toWellFormed();
}

function times({ covered, more }: Plan): string {
  if (covered === 1) return 'one due time';
  return `${covered}${more ? ' due times or more' : ' due times'}`;
}
