import { ReeveError } from '@reeve/kit';
import { createLine, type Waiter } from './line.ts';
import type { ModelTurn } from './turn.ts';

/** Admits the calls to one model: at most `capacity()` at a time, the others wait in line. */
export interface CallQueue {
  readonly running: number;
  readonly waiting: number;
  /**
   * Resolves once the call may be sent. Throws `cancelled` where the signal aborts before that. Every admitted call is to
   * be released once.
   */
  admit(turn: ModelTurn, signal: AbortSignal): Promise<AdmittedCall>;
  /** Admits more calls, after the capacity grew. */
  advance(): void;
}

export interface AdmittedCall {
  /** How long it waited. */
  readonly waitedMs: number;
  /** The number of calls in flight, averaged over the time since it was admitted. */
  meanInFlight(): number;
  release(): void;
}

export interface CallQueueOptions {
  readonly capacity: () => number;
  /** Called after the numbers of running and waiting calls changed. */
  readonly onChange?: () => void;
}

/** Calls that wait for less than this are not told. */
const FIRST_NOTICE_MS = 250;
const NOTICE_MS = 1_000;

export function createCallQueue({ capacity, onChange = () => undefined }: CallQueueOptions): CallQueue {
  const line = createLine();
  const positions = new Map<Waiter, number>();
  let running = 0;
  /** Calls in flight, integrated over time. */
  let callMs = 0;
  let changedAt = performance.now();
  let notices: NodeJS.Timeout | undefined;

  function count(by: 1 | -1): void {
    const now = performance.now();
    callMs += running * (now - changedAt);
    changedAt = now;
    running += by;
  }
  function start(waitedMs: number): AdmittedCall {
    count(1);
    const startedAt = performance.now();
    const before = callMs;
    let released = false;
    return {
      waitedMs,
      meanInFlight() {
        const now = performance.now();
        if (now - startedAt < 0.01) return running;
        return (callMs + running * (now - changedAt) - before) / (now - startedAt);
      },
      release() {
        if (released) return;
        released = true;
        count(-1);
        advance();
        onChange();
      },
    };
  }
  function advance(): void {
    while (running < capacity()) {
      const next = line.take();
      if (next === undefined) return;
      next.admit();
    }
  }
  /** Tells the waiting calls their positions where these changed. */
  function notify(): void {
    notices = undefined;
    if (line.size === 0) return;
    for (const [index, waiter] of line.order().entries()) {
      if (positions.get(waiter) === index + 1) continue;
      positions.set(waiter, index + 1);
      waiter.turn.onWait?.(index + 1);
    }
    notices = setTimeout(notify, NOTICE_MS).unref();
  }

  return {
    get running() {
      return running;
    },
    get waiting() {
      return line.size;
    },
    advance,
    async admit(turn, signal) {
      if (signal.aborted) throw notSent(signal);
      if (line.size === 0 && running < capacity()) {
        const call = start(0);
        onChange();
        return call;
      }
      const admitted = Promise.withResolvers<AdmittedCall>();
      const since = performance.now();
      const waiter: Waiter = { turn, admit: () => admitted.resolve(start(performance.now() - since)) };
      const leave = () => {
        line.remove(waiter);
        admitted.reject(notSent(signal));
      };
      signal.addEventListener('abort', leave, { once: true });
      line.add(waiter);
      turn.onWaiting?.(true);
      notices ??= setTimeout(notify, FIRST_NOTICE_MS).unref();
      advance();
      onChange();
      try {
        return await admitted.promise;
      } finally {
        signal.removeEventListener('abort', leave);
        positions.delete(waiter);
        turn.onWaiting?.(false);
        onChange();
      }
    },
  };
}

function notSent(signal: AbortSignal): ReeveError {
  return new ReeveError('cancelled', 'The model call was cancelled before it was sent', { cause: signal.reason });
}
