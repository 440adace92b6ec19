import type { Database } from '@reeve/db';
import { Background, Signal, sleep, type Log } from '@reeve/kit';
import { selectTenantsToSeal } from './chain-store.ts';
import { sealChain } from './seal.ts';

/*
 * One process's share in sealing the audit log. Any number may run.
 *
 *   asleep ──the journal of a tenant has news, half a minute──► seal what is final ──pause──► again what was left, else asleep
 *
 * Most of what is audited is told by the journal too, whose notification names the tenant. What is not is found by a look at
 * all tenants. A tenant whose sealing fails is left to the next look.
 */

/** Between two rounds: what is committed meanwhile shares the next. */
const PAUSE_MS = 1_000;
/** Longest time between two looks at all tenants. */
const LOOK_MS = 30_000;

export interface SealerOptions {
  readonly pauseMs?: number;
  readonly lookMs?: number;
}

/** Seals the audit log of every tenant behind the commits, in the background, until disposed. */
export function startSealer(
  database: Database,
  log: Log,
  { pauseMs = PAUSE_MS, lookMs = LOOK_MS }: SealerOptions = {},
): AsyncDisposable {
  const loop = new Background(log);
  const wake = new Signal();
  const stopping = new AbortController();
  const { signal } = stopping;
  const heard = new Set<string>();
  let lookAt = 0;
  const stopListening = database.listen('reeve_journal', (tenantId) => {
    if (tenantId === null) lookAt = 0;
    else heard.add(tenantId);
    wake.raise();
  });

  async function round(): Promise<void> {
    if (performance.now() >= lookAt) {
      lookAt = performance.now() + lookMs;
      for (const tenantId of await selectTenantsToSeal(database.db)) heard.add(tenantId);
    }
    const tenants = [...heard];
    heard.clear();
    for (const tenantId of tenants) {
      if (signal.aborted) return;
      try {
        if ((await sealChain(database, tenantId, { wait: false, signal })) !== 'done') heard.add(tenantId);
      } catch (error) {
        log.warn({ err: error, tenant_id: tenantId }, 'sealing an audit log failed; trying again');
      }
    }
  }

  loop.start('the sealer', async () => {
    while (!signal.aborted) {
      await round().catch((error: unknown) => log.warn({ err: error }, 'looking for audit rows to seal failed'));
      await sleep(pauseMs, signal);
      if (heard.size === 0) await wake.wait(Math.max(0, lookAt - performance.now()), signal);
    }
  });

  return {
    async [Symbol.asyncDispose]() {
      stopListening();
      stopping.abort();
      await loop[Symbol.asyncDispose]();
    },
  };
}
