import type { Log } from '@reeve/kit';
import { qualifiedName } from '../model-name.ts';
import { createPerModel } from '../calls/per-model.ts';
import type { CalledModel } from '../targets.ts';
import { createCallQueue } from './call-queue.ts';
import { createCallLimit, type AttemptEnd, type CallLimitOptions } from './limit.ts';
import { createSharedSlots, type SharedSlots } from './shared-slots.ts';
import type { SlotStore } from '@reeve/limits';
import type { ModelTurn } from './turn.ts';

/** The queue of one model. */
export interface ModelQueue {
  /** Waits until an attempt may be sent. Throws `cancelled` where the signal aborts before. */
  enter(turn: ModelTurn, signal: AbortSignal): Promise<HeldSlot>;
}

/** An attempt that may be sent, or was. */
export interface HeldSlot {
  /** Gives the slot back; only the first call counts. */
  release(end: AttemptEnd): void;
}

/** What a model's queue looks like now. */
export interface QueueState {
  readonly model: string;
  /** Calls at a time over all processes; null where there is no limit. */
  readonly limit: number | null;
  readonly running: number;
  readonly waiting: number;
}

/** The queues of a gateway, one for each provider and model. */
export interface ModelQueues {
  of(target: CalledModel): ModelQueue;
  /** The models that have a limit, or calls in flight. */
  states(): QueueState[];
}

export interface ModelQueuesOptions {
  readonly limitOf: (target: CalledModel) => Pick<CallLimitOptions, 'configured' | 'isLocal' | 'readServerSlots'>;
  /** Where several processes share their limits; without it this process is alone. */
  readonly store?: SlotStore | undefined;
  readonly metrics: QueueMetrics;
  readonly log: Log;
}

export interface QueueMetrics {
  queue(target: CalledModel, running: number, waiting: number): void;
  waited(target: CalledModel, waitedMs: number): void;
}

/** A queue without a limit, in which no call waits. */
export function createUnlimitedQueue(): ModelQueue {
  return { enter: async () => ({ release: () => undefined }) };
}

export function createModelQueues(options: ModelQueuesOptions): ModelQueues {
  const queues = createPerModel<OpenQueue>(
    (target) => createModelQueue(target, options),
    (queue) => {
      const { running, waiting } = queue.state();
      return running + waiting === 0;
    },
  );
  return {
    of: queues.of,
    states: () =>
      [...queues.entries()]
        .map(([, queue]) => queue.state())
        .filter(({ limit, running, waiting }) => limit !== null || running + waiting > 0),
  };
}

interface OpenQueue extends ModelQueue {
  state(): QueueState;
}

function createModelQueue(target: CalledModel, { limitOf, store, metrics, log }: ModelQueuesOptions): OpenQueue {
  let shared: SharedSlots | undefined;
  const isLimited = () => limit.current() !== Number.POSITIVE_INFINITY;
  const limit = createCallLimit({ ...limitOf(target), running: () => queue.running, onChange: () => changed() });
  const queue = createCallQueue({
    capacity: () => (isLimited() ? (shared?.capacity() ?? limit.current()) : Number.POSITIVE_INFINITY),
    onChange() {
      if (!isLimited()) return;
      metrics.queue(target, queue.running, queue.waiting);
      shared?.update();
    },
  });
  function share(): void {
    if (store === undefined || shared !== undefined || !isLimited()) return;
    shared = createSharedSlots({
      store,
      model: target,
      log,
      current: () => ({
        running: queue.running,
        wanted: isLimited() ? queue.running + queue.waiting : 0,
        limit: limit.current(),
        isLearnt: limit.isLearnt(),
      }),
      onRenewed(lease) {
        if (lease.follow !== undefined) limit.follow(lease.follow);
        queue.advance();
      },
    });
  }
  function changed(): void {
    share();
    queue.advance();
    shared?.update();
  }
  return {
    state: () => {
      const { running, waiting } = queue;
      return { model: qualifiedName(target), limit: isLimited() ? limit.current() : null, running, waiting };
    },
    async enter(turn, signal) {
      share();
      const call = await queue.admit(turn, signal);
      if (isLimited()) metrics.waited(target, call.waitedMs);
      const begun = limit.begin();
      let released = false;
      return {
        release(end) {
          if (released) return;
          released = true;
          begun.end(end, call.meanInFlight() + (shared?.elsewhere() ?? 0));
          call.release();
        },
      };
    },
  };
}
