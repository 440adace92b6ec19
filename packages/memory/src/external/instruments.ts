import { counter, gauge, type BreakerState } from '@reeve/kit';

const recalls = counter(
  'reeve_external_memory_recalls_total',
  'Searches of the external memory, by how they ended: ok or the reason of the error.',
  ['outcome'],
);
const told = counter(
  'reeve_external_memory_told_total',
  'Memories that the external memory was told of: stored, forgotten, or the reason of the error.',
  ['outcome'],
);
const pending = gauge('reeve_external_memory_pending', 'Memories that the external memory is yet to be told of.');
const circuit = gauge(
  'reeve_external_memory_circuit',
  'State of the circuit breaker of searches: 0 closed, 1 half-open, 2 open.',
);
const STATES: Readonly<Record<BreakerState, number>> = { closed: 0, half_open: 1, open: 2 };

export function countRecall(outcome: string): void {
  recalls.inc({ outcome });
}

export function countTold(outcome: string): void {
  told.inc({ outcome });
}

export function showPending(count: number): void {
  pending.set(count);
}

export function showCircuit(state: BreakerState): void {
  circuit.set(STATES[state]);
}
