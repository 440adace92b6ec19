import { createBreaker, type Breaker, type BreakerState } from '@reeve/kit';
import type { CalledModel } from '../targets.ts';
import { createPerModel } from './per-model.ts';

/** The circuit breakers of a gateway, one for each provider and model. */
export interface ModelBreakers {
  of(target: CalledModel): Breaker;
  /** Names of the models whose breaker is not closed. */
  open(): string[];
}

export interface BreakerOptions {
  readonly resetMs?: number;
  readonly onChange: (target: CalledModel, state: BreakerState) => void;
}

const FAULTS_IN_ROW = 5;
const SHARE = { calls: 20, windowMs: 30_000 };
const RESET_MS = 60_000;

/** Creates breakers that count in this process, and only outages: no connection, 5xx, overloaded, a timeout. */
export function createModelBreakers({ resetMs = RESET_MS, onChange }: BreakerOptions): ModelBreakers {
  const breakers = createPerModel<Breaker>(
    (target, name) =>
      createBreaker({
        threshold: FAULTS_IN_ROW,
        share: SHARE,
        resetMs,
        message: `${name} failed several times and is not asked for a while`,
        onChange: (state) => onChange(target, state),
      }),
    (breaker) => breaker.state() === 'closed',
  );
  return {
    of: breakers.of,
    open: () => [...breakers.entries()].filter(([, breaker]) => breaker.state() !== 'closed').map(([name]) => name),
  };
}
