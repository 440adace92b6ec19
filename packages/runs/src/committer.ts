import { auditStatement, type AuditAction, type AuditEntry } from '@reeve/audit';
import type { NewRunEvent, RunEvent } from '@reeve/contract';
import { inTenant, runTogether, type Database, type Tx } from '@reeve/db';
import type { ReeveError } from '@reeve/kit';
import { leaseLost, withPostCommitEffects, type Claim, type PostCommitEffects, type TaskHandler } from '@reeve/tasks';
import { bookStatement, refusalOf, type Booking, type EndedCall, type NewCall } from '@reeve/ledger';
import type { Feed } from './feed.ts';
import { numberEvents, storedEvent } from './log.ts';
import type { RunRecord, StepRecord } from './run.ts';
import { eventStatement } from './store/event.ts';
import type { NewStep } from './store/step.ts';
import { changeStatement, type SettledStep } from './store/transition.ts';

/*
 * How a run changes while it is worked on
 *
 * Rows, events, audit and what the ledger says of model calls go into one transaction that holds the task's lease. Each wait for
 * the disk costs as much as all that is written meanwhile, so what a tool came to waits for the model call that it leads to:
 * that call is booked before it is sent anyway, and the transaction that books it takes along what waits.
 *
 *   tool settled, model call pending ──later──► waiting ──the call is booked──► committed ──► sent
 *
 * Nothing happens outside between the two. Whoever stops working on a run flushes what waits.
 */

/** An entry of the audit log that tells what the agent of a run did. */
export function auditOf(run: RunRecord, action: AuditAction, details: AuditEntry['details'] = {}): AuditEntry {
  const { tenantId, agentSlug, traceId, taskId, id: runId } = run;
  return { tenantId, actor: `agent:${agentSlug}`, action, traceId, taskId, runId, details };
}

/** What a transition of a run adds to the record. */
export interface Transition {
  /** Pending steps that were worked on. */
  readonly settled?: readonly SettledStep[];
  /** Steps that follow. */
  readonly begun?: readonly StepRecord[];
  /** Pending steps that are begun once more. */
  readonly again?: readonly number[];
  readonly events?: readonly NewRunEvent[];
  readonly audit?: readonly Pick<AuditEntry, 'action' | 'details'>[];
  /** What belongs to others. What it answers comes after the events above; its effects are flushed once all of it has committed. */
  readonly write?: (tx: Tx, effects: PostCommitEffects) => Promise<readonly NewRunEvent[] | void>;
}

/** What the ledger is told in a transition. */
interface Booked {
  readonly begins?: NewCall;
  readonly ends?: readonly EndedCall[];
}

/** The only way a run changes while it is worked on. Transitions commit one after another; readers hear of them after that. */
export interface Committer {
  /**
   * Commits one transition, after those that wait; where it depends on what the database says, it is made of that in the same
   * transaction. Throws `lease_lost`, having changed nothing, where the task has another holder.
   */
  commit(transition: Transition | ((tx: Tx) => Promise<Transition>)): Promise<void>;
  /** Has the next commit take a transition along. */
  later(transition: Omit<Transition, 'write'>): void;
  /** Commits what waits. */
  flush(): Promise<void>;
  /** Where the ledger of this run's model calls writes: a call begins in a commit, and ends in the one that follows. */
  readonly booking: Booking;
  /** Hands out the ends of calls that no commit took along. */
  takeEnds(): EndedCall[];
}

export interface CommitterParts {
  readonly database: Database;
  readonly handler: TaskHandler;
  readonly feed: Feed;
  readonly claim: Claim;
  readonly run: RunRecord;
  /** Number of the last event. */
  readonly lastSeq: number;
  /** A step as it is stored. */
  readonly rowOf: (step: StepRecord) => NewStep;
}

export function createCommitter(parts: CommitterParts): Committer {
  const { database, handler, feed, claim, run, rowOf } = parts;
  let lastSeq = parts.lastSeq;
  let before: Promise<unknown> = Promise.resolve();
  let waiting: Transition[] = [];
  let ends: EndedCall[] = [];
  const holder = { tenantId: run.tenantId, runId: run.id, taskId: claim.task.id, epoch: claim.epoch };

  /** Answers why the ledger refuses a call that was to begin; the rest has committed then. */
  function apply(
    asked: Transition | ((tx: Tx) => Promise<Transition>),
    { begins }: Pick<Booked, 'begins'> = {},
  ): Promise<ReeveError | undefined> {
    return withPostCommitEffects(database, handler, (effects) => applyWith(asked, begins, effects));
  }

  async function applyWith(
    asked: Transition | ((tx: Tx) => Promise<Transition>),
    begins: NewCall | undefined,
    effects: PostCommitEffects,
  ): Promise<ReeveError | undefined> {
    const taken = waiting;
    const ended = ends;
    const published: RunEvent[] = [];
    waiting = [];
    ends = [];
    let refusal: ReeveError | undefined;
    const add = (events: readonly NewRunEvent[]) => {
      const numbered = numberEvents(run, lastSeq + published.length, events);
      published.push(...numbered);
      return numbered.map(storedEvent);
    };
    try {
      const write = async (tx: Tx) => {
        const last = typeof asked === 'function' ? await asked(tx) : asked;
        const transitions = [...taken, last];
        const changes = (taken.length > 0 && hasNoRows(last) ? taken : transitions).map((transition) => {
          const { settled = [], begun = [], again = [], events = [] } = transition;
          return changeStatement(holder, { settled, begun: begun.map(rowOf), again, events: add(events) });
        });
        const audit = transitions.flatMap(({ audit: entries = [] }) =>
          entries.map(({ action, details }) => auditOf(run, action, details)),
        );
        let first = changes;
        if (last.write !== undefined) {
          checkHeld(await runTogether(tx, changes));
          const more = add((await last.write(tx, effects)) ?? []);
          first = more.length > 0 ? [eventStatement(run.tenantId, run.id, more)] : [];
        }
        // Budgets last of all: they are shared, and are to be locked only briefly.
        const beginning = begins === undefined ? [] : [begins];
        const booking = beginning.length + ended.length > 0 ? [bookStatement(beginning, ended)] : [];
        const answers = await runTogether(tx, [
          ...first,
          ...(audit.length > 0 ? [auditStatement(audit)] : []),
          ...booking,
        ]);
        if (last.write === undefined) checkHeld(answers.slice(0, changes.length));
        refusal = begins && refusalOf(begins, answers.at(-1)!);
      };
      await inTenant(database.db, run.tenantId, write, { keepsPlans: true });
    } catch (error) {
      waiting = [...taken, ...waiting];
      ends = [...ended, ...ends];
      throw error;
    }
    lastSeq += published.length;
    if (published.length > 0) feed.publish(run.id, published);
    return refusal;
  }

  function checkHeld(answers: readonly (readonly unknown[])[]): void {
    if (answers.some((rows) => rows.length === 0)) throw leaseLost(holder.taskId);
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = before.then(work);
    before = mine.catch(() => undefined);
    return mine;
  }

  return {
    commit: (transition) => inTurn(async () => void (await apply(transition))),
    later: (transition) => void waiting.push(transition),
    flush: () =>
      inTurn(async () => {
        if (waiting.length > 0) await apply({});
      }),
    booking: {
      async begin(begins) {
        const refusal = await inTurn(() => apply({}, { begins }));
        if (refusal !== undefined) throw refusal;
      },
      settle: async (call) => void ends.push(call),
    },
    takeEnds() {
      const left = ends;
      ends = [];
      return left;
    },
  };
}

function hasNoRows({ settled = [], begun = [], again = [], events = [] }: Transition): boolean {
  return settled.length + begun.length + again.length + events.length === 0;
}
