import { counter, createBreaker, gauge, type Breaker, type BreakerState, type Log } from '@reeve/kit';

export interface CircuitOptions {
  /** Faults in a row that open one; half of 20 calls within 30 s opens it as well. */
  readonly failures: number;
  readonly resetMs: number;
  readonly log: Log;
}

/**
 * Circuit breakers in front of runs, counted in this process. One breaker covers starting runs, which is alike for all.
 * Each agent of each tenant has its own for how runs end, so one broken agent does not stop the others.
 */
export interface Circuits {
  readonly start: Breaker;
  of(tenantId: string, agent: string): Breaker;
  /** How many refuse calls at the moment. */
  open(): { readonly start: boolean; readonly agents: number };
}

const SHARE = { calls: 20, windowMs: 30_000 };
/** Names come from requests, so the map is bounded: the oldest entry is dropped, closed ones first. */
const MOST = 1_000;

const changes = counter('reeve_gateway_circuit_changes_total', 'Changes of circuits in front of runs.', [
  'circuit',
  'state',
]);
const notClosed = gauge('reeve_gateway_circuits_open', 'Circuits in front of runs that are not closed.', ['circuit']);

export function createCircuits({ failures: threshold, resetMs, log }: CircuitOptions): Circuits {
  const agents = new Map<string, Breaker>();
  const countOpen = () => [...agents.values()].filter((breaker) => breaker.state() !== 'closed').length;
  const changed = (circuit: 'start' | 'agent', state: BreakerState) => {
    changes.inc({ circuit, state });
    log.warn({ circuit, state }, 'a circuit in front of runs changed');
  };
  for (const circuit of ['start', 'agent']) notClosed.set({ circuit }, 0);
  const start = createBreaker({
    threshold,
    resetMs,
    share: SHARE,
    message: 'runs could not be started several times in a row; none are started for a while',
    onChange: (state) => {
      changed('start', state);
      notClosed.set({ circuit: 'start' }, state === 'closed' ? 0 : 1);
    },
  });
  return {
    start,
    of(tenantId, agent) {
      const name = `${tenantId}\n${agent}`;
      const found = agents.get(name);
      if (found !== undefined) return found;
      if (agents.size >= MOST) agents.delete(leastNeeded(agents));
      const breaker = createBreaker({
        threshold,
        resetMs,
        share: SHARE,
        message: `runs of the agent ${agent.slice(0, 100)} failed several times; none are started here for a while`,
        onChange: (state) => {
          changed('agent', state);
          notClosed.set({ circuit: 'agent' }, countOpen());
        },
      });
      agents.set(name, breaker);
      return breaker;
    },
    open: () => ({ start: start.state() !== 'closed', agents: countOpen() }),
  };
}

function leastNeeded(breakers: ReadonlyMap<string, Breaker>): string {
  let oldest = '';
  for (const [name, breaker] of breakers) {
    if (breaker.state() === 'closed') return name;
    if (oldest === '') oldest = name;
  }
  return oldest;
}
