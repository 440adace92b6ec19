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
  /** Consecutive faults that open it. */
  readonly threshold: number;
  /** How long it stays open before it lets a probe through. */
  readonly resetMs: number;
  /** It also opens once half of at least `calls` within `windowMs` were faults. */
  readonly share?: { readonly calls: number; readonly windowMs: number };
  /** The message of the `circuit_open` error. */
  readonly message: string;
  readonly onChange?: (state: BreakerState) => void;
}

/**
 * How a call ended, for the breaker: the upstream works (`ok`), it failed (`fault`), or the call shows neither
 * (`inconclusive`). `not_sent`: the request never left, so a half-open breaker lets the next call probe at once,
 * where an inconclusive probe opens it again for the whole reset time.
 */
export type BreakerOutcome = 'ok' | 'fault' | 'inconclusive' | 'not_sent';

/** A call that the breaker permitted. */
export interface BreakerCall {
  /** Reports the outcome; resolves once it counts. Only the first outcome of a call counts. */
  end(outcome: BreakerOutcome): Promise<void>;
}

/**
 * closed ─(faults)→ open ─(reset time, next call)→ half_open ─(ok)→ closed, or (anything else) → open.
 * In half_open one call probes; others are rejected meanwhile.
 */
export interface Breaker {
  state(): BreakerState;
  /** False while calls are rejected: the reset time has not passed, or a probe is running. */
  allows(): boolean;
  /** Throws `circuit_open`, with the remaining time, where a call would be rejected. */
  check(): void;
  /** Permits a call, or throws as `check` does. */
  begin(): BreakerCall;
  /** Runs `work`; an error that it throws counts as `breakerOutcomeOf` says. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

/** `retryAfterMs` while a probe of unknown duration runs. */
const PROBE_PAUSE_MS = 1_000;
const FAULT = new Error('fault');
const INCONCLUSIVE = new Error('inconclusive');
const NOT_SENT = new Error('not_sent');
const THROWN = { fault: FAULT, inconclusive: INCONCLUSIVE, not_sent: NOT_SENT };

type Failed = { readonly result: FailureReason<unknown> };
type Backoff = IBackoff<Failed>;

/** A circuit breaker whose counts live in this process. */
export function createBreaker({ threshold, resetMs, share, message, onChange }: BreakerOptions): Breaker {
  let openUntil = 0;
  const openMsAfter = (reason: FailureReason<unknown>) =>
    'error' in reason && reason.error === NOT_SENT ? 0 : resetMs;
  const backoff = { next: ({ result }: Failed): Backoff => ({ duration: openMsAfter(result), next: backoff.next }) };
  const policy = circuitBreaker(
    // An inconclusive probe opens the breaker again.
    handleWhen((error) => error === FAULT || policy.state === CircuitState.HalfOpen),
    { breaker: countBoth(threshold, share), halfOpenAfter: backoff },
  );
  policy.onBreak((reason) => {
    if (!('isolated' in reason)) openUntil = Date.now() + openMsAfter(reason);
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
  function begin(): BreakerCall {
    check();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const counted = policy.execute(() => promise).catch(() => undefined);
    return {
      end: (outcome) => {
        if (outcome === 'ok') resolve();
        else reject(THROWN[outcome]);
        return counted;
      },
    };
  }

  return {
    state: () => nameOf(policy.state),
    allows: () => waitMs() === 0,
    check,
    begin,
    async run(work) {
      const breakerCall = begin();
      try {
        const result = await work();
        await breakerCall.end('ok');
        return result;
      } catch (error) {
        await breakerCall.end(breakerOutcomeOf(error));
        throw error;
      }
    },
  };
}

/** The outcome that a thrown error stands for: a fault, except that `cancelled` and `limit_reached` are inconclusive. */
export function breakerOutcomeOf(thrown: unknown): BreakerOutcome {
  return thrown instanceof ReeveError && (thrown.reason === 'cancelled' || thrown.reason === 'limit_reached')
    ? 'inconclusive'
    : 'fault';
}

/** Counts consecutive faults and their share: consecutive faults alone never open it where one call in five succeeds. */
function countBoth(threshold: number, share: BreakerOptions['share']): IBreaker {
  const inRow = new ConsecutiveBreaker(threshold);
  if (share === undefined) return inRow;
  const seconds = share.windowMs / 1_000;
  const sampling = new SamplingBreaker({
    // cockatiel opens above the threshold; this breaker opens at exactly half.
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
