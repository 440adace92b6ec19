import { setTimeout as sleep } from 'node:timers/promises';
import { measured, type Measurements } from '../measure.ts';
import { post } from './load.ts';
import type { Gateway } from './server.ts';

const CLIENTS = 200;
/** Longer than the whole measurement, and slow, so that nobody is too busy to notice who left. */
const LONG = 'fake-200-1000';

/** Upstream streams that are still open a second after all their readers left. */
export async function measureLeaving(gateways: readonly Gateway[], upstreamUrl: string): Promise<Measurements> {
  const ratios: Record<string, Measurements['ratios'][string]> = {};
  for (const gateway of gateways) {
    const left = new AbortController();
    const readers = Array.from({ length: CLIENTS }, () => post(gateway, { model: LONG, stream: true }, left.signal));
    const ended = Promise.allSettled(readers);
    for (const until = performance.now() + 20_000; (await openStreams(upstreamUrl)) < CLIENTS; await sleep(50))
      if (performance.now() > until) throw new Error(`${gateway.name}: not all of ${CLIENTS} streams opened`);
    left.abort();
    await ended;
    await sleep(1_000);
    const goal = gateway.name.startsWith('Reeve') ? { atMost: 0 } : undefined;
    ratios[`upstream streams 1 s after ${CLIENTS} readers left: ${gateway.name}`] = measured(
      [await openStreams(upstreamUrl)],
      'streams',
      goal,
    );
  }
  return { ratios, figures: {} };
}

async function openStreams(upstreamUrl: string): Promise<number> {
  return Number(await (await fetch(`${upstreamUrl}/open`)).text());
}
