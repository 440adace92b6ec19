import { createBreaker, type Breaker, type BreakerState } from '@reeve/kit';
import { qualifiedName } from './model-name.ts';
import type { CalledModel } from './remote.ts';

/** The circuit breakers of a gateway, one for each provider and model. */
export interface Circuits {
  of(target: CalledModel): Breaker;
  /** Models that are not asked at the moment, by name. */
  open(): string[];
}

export interface CircuitOptions {
  readonly resetMs?: number;
  readonly onChange: (target: CalledModel, state: BreakerState) => void;
}

const FAULTS_IN_ROW = 5;
const SHARE = { calls: 20, windowMs: 30_000 };
const RESET_MS = 60_000;
/** Names come from requests; beyond so many the oldest that is closed is forgotten. */
const MOST = 1_000;

/** They count in this process, and only what says that a provider is down: no connection, 5xx, overloaded, a timeout. */
export function createCircuits({ resetMs = RESET_MS, onChange }: CircuitOptions): Circuits {
  const breakers = new Map<string, Breaker>();
  return {
    of(target) {
      const name = qualifiedName(target);
      const found = breakers.get(name);
      if (found !== undefined) return found;
      if (breakers.size >= MOST) forgetOne(breakers);
      const breaker = createBreaker({
        threshold: FAULTS_IN_ROW,
        share: SHARE,
        resetMs,
        message: `${name} failed several times and is not asked for a while`,
        onChange: (state) => onChange(target, state),
      });
      breakers.set(name, breaker);
      return breaker;
    },
    open: () => [...breakers].filter(([, breaker]) => breaker.state() !== 'closed').map(([name]) => name),
  };
}

function forgetOne(breakers: Map<string, Breaker>): void {
  for (const [name, breaker] of breakers) {
    if (breaker.state() !== 'closed') continue;
    breakers.delete(name);
    return;
  }
}
