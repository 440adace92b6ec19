import { initialConcurrency, nextConcurrency, type Concurrency } from './concurrency.ts';

/** How one attempt ended, for the limit of its model. */
export type AttemptEnd =
  /** `work`: the size of the call, in tokens. */
  | { readonly kind: 'completed'; readonly work: number }
  /** The server refused it for overload, or did not answer in time. */
  | { readonly kind: 'overloaded' | 'timeout' }
  /** The server was out of reach; it may come back with other settings. */
  | { readonly kind: 'outage' }
  | { readonly kind: 'other' };

/** How many calls to a model may be in flight, and how that is known. */
export interface CallLimit {
  /** Infinity where there is none. */
  current(): number;
  isLearnt(): boolean;
  /** Marks the begin of an attempt: what is learnt depends on what was known then. */
  begin(): BegunAttempt;
  /** Takes over what another process has learnt. */
  follow(limit: number): void;
}

export interface BegunAttempt {
  /** `inFlight`: the mean number of calls in flight during it. */
  end(end: AttemptEnd, inFlight: number): void;
}

export interface CallLimitOptions {
  /** Set by an operator: goes before everything else. */
  readonly configured: number | undefined;
  /** A local server takes one call at a time until it is known to take more; a hosted one any number until it refuses some. */
  readonly isLocal: boolean;
  /** Asks the server how many it takes, where it can say so. */
  readonly readServerSlots?: () => Promise<number | undefined>;
  /** The calls in flight when a hosted provider refuses one for overload. */
  readonly running: () => number;
  /** Called after the limit changed. */
  readonly onChange: () => void;
  readonly now?: () => number;
}

/** A hosted provider that has refused nothing for so long has no limit again. */
const FORGET_MS = 5 * 60_000;

export function createCallLimit(options: CallLimitOptions): CallLimit {
  const { configured, isLocal, readServerSlots, running, onChange, now = () => performance.now() } = options;
  let learnt: Concurrency | undefined = isLocal ? initialConcurrency() : undefined;
  let announced: number | undefined;
  let isAsked = readServerSlots === undefined;
  let overloadedAt = 0;

  function ask(): void {
    if (isAsked || readServerSlots === undefined) return;
    isAsked = true;
    void readServerSlots().then((slots) => {
      if (slots === announced) return;
      announced = slots;
      onChange();
    });
  }
  function learn(next: Concurrency): void {
    const before = learnt?.limit;
    learnt = next;
    if (next.limit !== before) onChange();
  }
  function overloaded(overloads: number, kind: 'overloaded' | 'timeout'): void {
    if (kind === 'overloaded') overloadedAt = now();
    if (learnt !== undefined) learn(nextConcurrency(learnt, { kind: 'overloaded', overloads }));
    else if (kind === 'overloaded') learn(initialConcurrency(Math.max(1, running() - 1)));
  }
  function forget(): void {
    if (isLocal || learnt === undefined || now() - overloadedAt < FORGET_MS) return;
    learnt = undefined;
    onChange();
  }

  return {
    current: () => configured ?? announced ?? learnt?.limit ?? Number.POSITIVE_INFINITY,
    isLearnt: () => configured === undefined && announced === undefined,
    begin() {
      if (configured === undefined) ask();
      forget();
      const startedAt = now();
      const overloads = learnt?.overloads ?? 0;
      return {
        end(end, inFlight) {
          if (end.kind === 'outage') isAsked = readServerSlots === undefined;
          else if (end.kind === 'overloaded' || end.kind === 'timeout') overloaded(overloads, end.kind);
          else if (end.kind === 'completed' && learnt !== undefined)
            learn(nextConcurrency(learnt, { kind: 'completed', inFlight, work: end.work, ms: now() - startedAt }));
        },
      };
    },
    follow(limit) {
      if (learnt !== undefined && learnt.limit !== limit) learn(initialConcurrency(limit));
    },
  };
}
