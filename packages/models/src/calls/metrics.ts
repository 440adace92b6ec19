import { counter, durations, gauge, type BreakerState } from '@reeve/kit';
import type { CalledModel } from '../targets.ts';

const attempts = counter(
  'reeve_model_attempts_total',
  'Attempts at model calls, retries and fallbacks included, by how they ended: ok, cancelled, abandoned or the reason of the error.',
  ['provider', 'model', 'outcome'],
);
const seconds = durations(
  'reeve_model_attempt_seconds',
  'Time from the start of an attempt at a model call to its end.',
  ['provider', 'model'],
);
const firstToken = durations(
  'reeve_model_first_token_seconds',
  'Time from the start of an attempt to its first token.',
  ['provider', 'model'],
);
const breakerStates = gauge('reeve_model_circuit', 'State of a circuit breaker: 0 closed, 1 half-open, 2 open.', [
  'provider',
  'model',
]);

const running = gauge('reeve_model_calls_running', 'Calls in flight to a model with a limit on concurrent calls.', [
  'provider',
  'model',
]);
const waiting = gauge('reeve_model_calls_waiting', 'Calls that wait for a model with a limit on concurrent calls.', [
  'provider',
  'model',
]);
const waits = durations('reeve_model_wait_seconds', 'Time that an attempt waited for a model with a limit.', [
  'provider',
  'model',
]);

/** The metrics of one gateway's models. */
export interface ModelMetrics {
  attempt(target: CalledModel, outcome: string, latencyMs: number, firstTokenMs: number | null): void;
  breaker(target: CalledModel, state: BreakerState): void;
  queue(target: CalledModel, running: number, waiting: number): void;
  waited(target: CalledModel, waitedMs: number): void;
}

/**
 * Labels metrics by provider and model. A model that is neither in the table of models nor configured is labelled
 * `other`, since its name came with a request and callers must not create time series at will.
 */
export function createModelMetrics(knows: (target: CalledModel) => boolean): ModelMetrics {
  const labelsOf = (target: CalledModel) => ({
    provider: target.provider,
    model: knows(target) ? target.model : 'other',
  });
  return {
    attempt(target, outcome, latencyMs, firstTokenMs) {
      const labels = labelsOf(target);
      attempts.inc({ ...labels, outcome });
      seconds.observe(labels, latencyMs / 1_000);
      if (firstTokenMs !== null) firstToken.observe(labels, firstTokenMs / 1_000);
    },
    queue(target, runningCalls, waitingCalls) {
      running.set(labelsOf(target), runningCalls);
      waiting.set(labelsOf(target), waitingCalls);
    },
    waited: (target, waitedMs) => waits.observe(labelsOf(target), waitedMs / 1_000),
    breaker: (target, state) => breakerStates.set(labelsOf(target), STATES[state]),
  };
}

const STATES: Readonly<Record<BreakerState, number>> = { closed: 0, half_open: 1, open: 2 };
