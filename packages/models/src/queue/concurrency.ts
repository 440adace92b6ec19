/*
 * How many calls a model server takes at once, learnt by hill climbing on throughput:
 *
 *   hold ──after some calls, in turn──► up (limit + 1) ──throughput grew──► up again, else hold at the limit before
 *        │                          └► down (limit − 1) ──throughput stayed──► down again, else hold at the limit before
 *        ├──calls became much slower──► slow (limit − 1) ──still as slow──► slow again, else hold
 *        └──overload or timeout──► hold (limit − 1)
 *
 * By Little's law, throughput is the number of calls in flight times the speed of one, so each call is a sample and no
 * time window is needed. Only calls made while the limit was reached are samples.
 */

export interface Concurrency {
  /** Calls at a time, at least 1. */
  readonly limit: number;
  readonly phase: 'hold' | 'up' | 'down' | 'slow';
  /** Speed of a call before the latest change of the limit, in work per millisecond; in `hold` the speed at the limit. */
  readonly speed: number | undefined;
  /** Samples at the limit until the next trial, and its direction. */
  readonly untilTrial: number;
  readonly trial: 'up' | 'down';
  /** Samples at this limit, with their work and milliseconds. */
  readonly samples: number;
  readonly work: number;
  readonly ms: number;
  /** How often an overload has lowered the limit. */
  readonly overloads: number;
}

/** How a call ended, for learning. */
export type CallFeedback =
  /** `inFlight`: the mean number of calls in flight during it; `work`: its size, such as tokens. */
  | { readonly kind: 'completed'; readonly inFlight: number; readonly work: number; readonly ms: number }
  /** `overloads`: the count when the call began, since all calls of one burst lower the limit only once. */
  | { readonly kind: 'overloaded'; readonly overloads: number };

/** Samples before the first trial, and between trials. */
const FIRST_TRIAL = 2;
const NEXT_TRIAL = 8;
const MAX_LIMIT = 1_000;
/** Calls slower than this share of the speed before are slow. */
const SLOW = 0.7;
const VERY_SLOW = 0.5;
const SMOOTHING = 0.3;

export function initialConcurrency(limit = 1): Concurrency {
  const none = { speed: undefined, samples: 0, work: 0, ms: 0, overloads: 0 };
  return { ...none, limit, phase: 'hold', untilTrial: FIRST_TRIAL, trial: 'up' };
}

/** The state after one more call. */
export function nextConcurrency(state: Concurrency, feedback: CallFeedback): Concurrency {
  if (feedback.kind === 'overloaded') return afterOverload(state, feedback.overloads);
  const { inFlight, work, ms } = feedback;
  if (Math.abs(inFlight - state.limit) >= 0.5) return state;
  const sampled = {
    ...state,
    untilTrial: Math.max(0, state.untilTrial - 1),
    samples: state.samples + 1,
    work: state.work + work,
    ms: state.ms + Math.max(ms, 0.01),
  };
  const speed = sampled.work / sampled.ms;
  return sampled.samples < samplesNeeded(state, speed) ? sampled : afterSamples(sampled, speed);
}

/** As many calls as run at once have met every slot; two show that a server is very slow, or slow still. */
function samplesNeeded({ phase, limit, speed: before = 0 }: Concurrency, speed: number): number {
  const isVerySlow = phase !== 'up' && speed < before * VERY_SLOW;
  return phase === 'slow' || isVerySlow ? 2 : Math.max(2, Math.min(limit, 8));
}

function afterSamples(state: Concurrency, speed: number): Concurrency {
  const { limit, phase, speed: before = speed, untilTrial, trial } = state;
  // The limits between which throughput is compared halfway: no change, or a change in proportion to the limit.
  if (phase === 'up') {
    const grew = speed > before * (1 - 0.5 / limit);
    return grew ? move(state, limit + 1, 'up', speed) : hold(state, limit - 1, before, 'down');
  }
  if (phase === 'down') {
    const stayed = speed > before * (1 + 0.5 / limit);
    if (!stayed) return hold(state, limit + 1, before, 'up');
    return limit > 1 ? move(state, limit - 1, 'down', speed) : hold(state, limit, speed, 'up');
  }
  if (speed < before * SLOW && limit > 1) return move(state, limit - 1, 'slow', before);
  if (phase === 'slow') return hold(state, limit, speed, 'up');
  if (untilTrial > 0) return { ...hold(state, limit, before + SMOOTHING * (speed - before), trial), untilTrial };
  return trial === 'down' && limit > 1 ? move(state, limit - 1, 'down', speed) : move(state, limit + 1, 'up', speed);
}

function afterOverload(state: Concurrency, overloads: number): Concurrency {
  if (overloads < state.overloads) return state;
  return { ...hold(state, Math.max(1, state.limit - 1), undefined, 'up'), overloads: state.overloads + 1 };
}

function move(state: Concurrency, limit: number, phase: 'up' | 'down' | 'slow', speed: number): Concurrency {
  return { ...state, limit: Math.min(limit, MAX_LIMIT), phase, speed, samples: 0, work: 0, ms: 0 };
}

function hold(state: Concurrency, limit: number, speed: number | undefined, trial: 'up' | 'down'): Concurrency {
  return { ...state, limit, phase: 'hold', speed, untilTrial: NEXT_TRIAL, trial, samples: 0, work: 0, ms: 0 };
}
