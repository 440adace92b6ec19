import {
  CircuitState,
  ConsecutiveBreaker,
  SamplingBreaker,
  circuitBreaker,
  handleWhen,
  type FailureReason,
  type IBackoff,
  type IBreaker,
} from 'cockatiel';
import { ReeveError } from './error.ts';

export type BreakerState = 'closed' | 'open' | 'half_open';

export interface BreakerOptions {
  /** So many faults in a row open it. */
  readonly threshold: number;
  /** So long it stays open before a probe is let through. */
  readonly resetMs: number;
  /** It opens as well once half of at least `calls` within `windowMs` were faults. */
  readonly share?: { readonly calls: number; readonly windowMs: number };
  /** What a caller is told while it is open. */
  readonly message: string;
  readonly onChange?: (state: BreakerState) => void;
}

/**
 * What a call proved: the other side works, it is at fault, or nothing. `untried`: nothing, since the other side was never
 * asked; a probe that was not made makes way for the next call, where one that proved nothing ends the window.
 */
export type Verdict = 'ok' | 'fault' | 'nothing' | 'untried';

/** A call that was let through. */
export interface Passage {
  /** Resolves once the verdict counts. Later verdicts of the same call do nothing. */
  end(verdict: Verdict): Promise<void>;
}

/**
 * closed ─(faults)→ open ─(reset time, next call)→ half_open ─(ok)→ closed, or (anything else) → open.
 * In half_open one call is the probe; others are refused meanwhile.
 */
export interface Breaker {
  state(): BreakerState;
  /** False where a call would be refused: the reset time is not over, or a probe is under way. */
  allows(): boolean;
  /** Throws `circuit_open` with the time left where a call would be refused. */
  check(): void;
  /** Lets a call through, or throws as `check` does. */
  enter(): Passage;
  /** Runs `work`. What it throws counts as `verdictOf` says. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

/** While a probe is under way nobody knows how long it takes. */
const PROBE_PAUSE_MS = 1_000;
const FAULT = new Error('fault');
const NOTHING = new Error('nothing');
const UNTRIED = new Error('untried');
const THROWN = { fault: FAULT, nothing: NOTHING, untried: UNTRIED };

type Failed = { readonly result: FailureReason<unknown> };
type Pause = IBackoff<Failed>;

/** A circuit breaker that counts in this process. */
export function createBreaker({ threshold, resetMs, share, message, onChange }: BreakerOptions): Breaker {
  let openUntil = 0;
  const pauseAfter = (reason: FailureReason<unknown>) => ('error' in reason && reason.error === UNTRIED ? 0 : resetMs);
  const pause = { next: ({ result }: Failed): Pause => ({ duration: pauseAfter(result), next: pause.next }) };
  const policy = circuitBreaker(
    // A probe that proved nothing leaves the circuit open.
    handleWhen((error) => error === FAULT || policy.state === CircuitState.HalfOpen),
    { breaker: countBoth(threshold, share), halfOpenAfter: pause },
  );
  policy.onBreak((reason) => {
    if (!('isolated' in reason)) openUntil = Date.now() + pauseAfter(reason);
  });
  policy.onStateChange((state) => onChange?.(nameOf(state)));

  const waitMs = () => {
    if (policy.state === CircuitState.Closed) return 0;
    return policy.state === CircuitState.HalfOpen ? PROBE_PAUSE_MS : Math.max(0, openUntil - Date.now());
  };
  function check(): void {
    const retryAfterMs = waitMs();
    if (retryAfterMs > 0) throw new ReeveError('circuit_open', message, { retryAfterMs });
  }
  function enter(): Passage {
    check();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const counted = policy.execute(() => promise).catch(() => undefined);
    return {
      end: (verdict) => {
        if (verdict === 'ok') resolve();
        else reject(THROWN[verdict]);
        return counted;
      },
    };
  }

  return {
    state: () => nameOf(policy.state),
    allows: () => waitMs() === 0,
    check,
    enter,
    async run(work) {
      const passage = enter();
      try {
        const result = await work();
        await passage.end('ok');
        return result;
      } catch (error) {
        await passage.end(verdictOf(error));
        throw error;
      }
    },
  };
}

/** What a thrown error proves: a fault, except that a call that was cancelled, or had no room, proves nothing. */
export function verdictOf(thrown: unknown): Verdict {
  return thrown instanceof ReeveError && (thrown.reason === 'cancelled' || thrown.reason === 'limit_reached')
    ? 'nothing'
    : 'fault';
}

/** Faults in a row, and their share: a row alone never opens where one call in five still succeeds. */
function countBoth(threshold: number, share: BreakerOptions['share']): IBreaker {
  const inRow = new ConsecutiveBreaker(threshold);
  if (share === undefined) return inRow;
  const seconds = share.windowMs / 1_000;
  const sampling = new SamplingBreaker({
    // cockatiel asks for more than the share, we for the half itself.
    threshold: 0.5 - 1e-9,
    duration: share.windowMs,
    minimumRps: (share.calls - 0.5) / seconds,
  });
  return {
    get state() {
      return { inRow: inRow.state, sampling: sampling.state };
    },
    set state(value) {
      const { inRow: row, sampling: sample } = value as { inRow: typeof inRow.state; sampling: typeof sampling.state };
      inRow.state = row;
      sampling.state = sample;
    },
    success(state) {
      inRow.success();
      sampling.success(state);
    },
    failure(state) {
      const full = sampling.failure(state);
      return inRow.failure() || full;
    },
  };
}

function nameOf(state: CircuitState): BreakerState {
  if (state === CircuitState.Closed) return 'closed';
  return state === CircuitState.HalfOpen ? 'half_open' : 'open';
}
