import { createBreaker, type Breaker, type BreakerState } from '@reeve/kit';
import { qualifiedName } from '../model-name.ts';
import type { CalledModel } from '../targets.ts';

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
/** Model names come from requests, so the number of breakers is bounded; the oldest closed one is dropped. */
const MAX_BREAKERS = 1_000;

/** Creates breakers that count in this process, and only outages: no connection, 5xx, overloaded, a timeout. */
export function createModelBreakers({ resetMs = RESET_MS, onChange }: BreakerOptions): ModelBreakers {
  const breakers = new Map<string, Breaker>();
  return {
    of(target) {
      const name = qualifiedName(target);
      const found = breakers.get(name);
      if (found !== undefined) return found;
      if (breakers.size >= MAX_BREAKERS) dropOneClosed(breakers);
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

function dropOneClosed(breakers: Map<string, Breaker>): void {
  for (const [name, breaker] of breakers) {
    if (breaker.state() !== 'closed') continue;
    breakers.delete(name);
    return;
  }
}
