import type { Pool } from 'undici';
import { cpuMs } from '../child.ts';

/** What came of a while of requests. */
export interface Load {
  readonly perSecond: number;
  readonly latenciesMs: readonly number[];
  /** Processor time of the server for each request. NaN where the system does not tell. */
  readonly cpuMsPerRequest: number;
}

/** A server under load. */
export interface Target {
  readonly pool: Pool;
  readonly pid: number;
}

/** Posts `task` to /execute over and over, `callers` at a time, for `ms`. Throws at the first answer that is no result. */
export async function load({ pool, pid }: Target, task: string, callers: number, ms: number): Promise<Load> {
  const latenciesMs: number[] = [];
  const body = JSON.stringify({ task });
  const cpuBefore = await cpuMs(pid);
  const begun = performance.now();
  async function call(): Promise<void> {
    while (performance.now() - begun < ms) {
      const sent = performance.now();
      const answer = await pool.request({
        path: '/execute',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      const { status } = (await answer.body.json()) as { status?: unknown };
      if (answer.statusCode !== 200 || status !== 'completed')
        throw new Error(`POST /execute answered ${answer.statusCode}`);
      latenciesMs.push(performance.now() - sent);
    }
  }
  await Promise.all(Array.from({ length: callers }, call));
  const seconds = (performance.now() - begun) / 1000;
  const cpu = (await cpuMs(pid)) - cpuBefore;
  return { perSecond: latenciesMs.length / seconds, latenciesMs, cpuMsPerRequest: cpu / latenciesMs.length };
}
