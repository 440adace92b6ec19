import { auditStatement, type AuditAction, type AuditEntry } from '@reeve/audit';
import type { NewRunEvent, RunEvent } from '@reeve/contract';
import { inTenant, runTogether, type Database, type Statement, type Tx } from '@reeve/db';
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
 * How a run changes while the engine works on it
 *
 * One transaction locks the task's lease and writes steps, events, audit rows and the ledger's rows. It commits in one of two ways:
 *
 *   synchronous    commit waits for the disk ──► its events are published, with the unpublished ones before them
 *   asynchronous   commit does not wait      ──► its events are unpublished until the next synchronous commit
 *
 * The write-ahead log is sequential, so a synchronous commit makes durable all that was committed before it. An asynchronous commit
 * survives the death of this process; a crash of the database can take it back. Therefore nothing happens outside between it and
 * the next synchronous commit, and that one checks that the step which the asynchronous commit began still exists.
 */

/** Makes an entry of the audit log about what the agent of a run did. */
export function auditOf(run: RunRecord, action: AuditAction, details: AuditEntry['details'] = {}): AuditEntry {
  const { tenantId, agentSlug, traceId, taskId, id: runId } = run;
  return { tenantId, actor: `agent:${agentSlug}`, action, traceId, taskId, runId, details };
}

/** One change of a run. */
export interface Transition {
  /** Pending steps that have ended. */
  readonly settled?: readonly SettledStep[];
  /** Steps that follow. */
  readonly begun?: readonly StepRecord[];
  /** Numbers of pending steps that begin once more. */
  readonly again?: readonly number[];
  readonly events?: readonly NewRunEvent[];
  readonly audit?: readonly Pick<AuditEntry, 'action' | 'details'>[];
  /** Writes rows of other packages. The events that it returns follow those above; its effects are flushed after the commit. */
  readonly write?: (tx: Tx, effects: PostCommitEffects) => Promise<readonly NewRunEvent[] | void>;
}

/** A transition, or a function that reads the database in the same transaction and returns one. */
type TransitionSource = Transition | ((tx: Tx) => Promise<Transition>);

interface CommitOptions {
  readonly begins?: NewCall;
  readonly isAsynchronous?: boolean;
}

/** Changes a run while the engine works on it; nothing else may. Transitions commit one after another. */
export interface Committer {
  /**
   * Commits a transition and publishes its events. Throws `lease_lost`, having changed nothing, where another worker holds the task
   * or the database has lost the asynchronous commit before.
   */
  commit(transition: TransitionSource): Promise<void>;
  /** Commits the end of one step and the beginning of the next without waiting for the disk. Throws like `commit`. */
  commitAsynchronously(transition: Omit<Transition, 'write'>): Promise<void>;
  /** Publishes the events of asynchronous commits, once they are durable. */
  flush(): Promise<void>;
  /** Writes this run's model calls to the ledger: a call begins in a commit, and ends in the one that follows. */
  readonly booking: Booking;
  /** Returns the ended calls that no commit has written, and forgets them. */
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
  /** Makes the row of a step. */
  readonly rowOf: (step: StepRecord) => NewStep;
}

export function createCommitter(parts: CommitterParts): Committer {
  const { database, handler, feed, claim, run, rowOf } = parts;
  let lastSeq = parts.lastSeq;
  let before: Promise<unknown> = Promise.resolve();
  let ends: EndedCall[] = [];
  let unpublished: RunEvent[] = [];
  /** The step that the last asynchronous commit began, until a synchronous one follows. */
  let expectedStep: number | undefined;
  const holder = { tenantId: run.tenantId, runId: run.id, taskId: claim.task.id, epoch: claim.epoch };

  /** Commits a transition, the calls that have ended and one that begins. Returns why the ledger refuses that call; the rest has committed. */
  const apply = (source: TransitionSource, options: CommitOptions = {}) =>
    withPostCommitEffects(database, handler, (effects) => applyWith(effects, source, options));

  async function applyWith(
    effects: PostCommitEffects,
    source: TransitionSource,
    { begins, isAsynchronous = false }: CommitOptions,
  ): Promise<ReeveError | undefined> {
    const ended = ends;
    ends = [];
    const numbered: RunEvent[] = [];
    const numberNext = (events: readonly NewRunEvent[]) => {
      const next = numberEvents(run, lastSeq + numbered.length, events);
      numbered.push(...next);
      return next.map(storedEvent);
    };
    const write = async (tx: Tx) => {
      const transition = typeof source === 'function' ? await source(tx) : source;
      const { settled = [], begun = [], again = [], events = [], audit = [] } = transition;
      const rows = { settled, begun: begun.map(rowOf), again, events: numberNext(events) };
      const change = changeStatement({ ...holder, expectedStep }, rows);
      const others: Statement[] = [];
      if (audit.length > 0)
        others.push(auditStatement(audit.map(({ action, details }) => auditOf(run, action, details))));
      // Budgets last: other runs share them, so their locks must be brief.
      if (begins !== undefined || ended.length > 0) others.push(bookStatement(begins ? [begins] : [], ended));
      if (transition.write === undefined) {
        const answers = await runTogether(tx, [change, ...others]);
        requireHeld(answers[0]!);
        return begins && refusalOf(begins, answers.at(-1)!);
      }
      requireHeld((await runTogether(tx, [change]))[0]!);
      const more = numberNext((await transition.write(tx, effects)) ?? []);
      if (more.length > 0) others.unshift(eventStatement(run.tenantId, run.id, more));
      await runTogether(tx, others);
      return undefined;
    };
    const settings = { keepsPlans: true, isAsynchronous: isAsynchronous && database.kind === 'postgres' };
    let refusal: ReeveError | undefined;
    try {
      refusal = await inTenant(database.db, run.tenantId, write, settings);
    } catch (error) {
      ends = [...ended, ...ends];
      throw error;
    }
    lastSeq += numbered.length;
    unpublished.push(...numbered);
    if (!isAsynchronous) publish();
    return refusal;
  }

  function publish(): void {
    const events = unpublished;
    unpublished = [];
    expectedStep = undefined;
    if (events.length > 0) feed.publish(run.id, events);
  }

  function requireHeld(rows: readonly unknown[]): void {
    if (rows.length === 0) throw leaseLost(holder.taskId);
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = before.then(work);
    before = mine.catch(() => undefined);
    return mine;
  }

  return {
    commit: (source) => inTurn(async () => void (await apply(source))),
    commitAsynchronously: (transition) =>
      inTurn(async () => {
        await apply(transition, { isAsynchronous: true });
        expectedStep = transition.begun?.at(-1)?.number;
      }),
    flush: () =>
      inTurn(async () => {
        if (unpublished.length > 0) await apply({});
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
