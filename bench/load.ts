import { cpuMs } from './child.ts';

/** What came of a while of requests. */
export interface Load {
  readonly perSecond: number;
  readonly latenciesMs: readonly number[];
  /** Processor time of the server for each request; a database beside it is not in it. NaN where the system does not tell. */
  readonly cpuMsPerRequest: number;
}

/** Asks the server that is this process over and over, `callers` at a time, for `ms`. Throws at the first `askOnce` that does. */
export async function load(pid: number, askOnce: () => Promise<void>, callers: number, ms: number): Promise<Load> {
  const latenciesMs: number[] = [];
  const cpuBefore = await cpuMs(pid);
  const begun = performance.now();
  const call = async () => {
    while (performance.now() - begun < ms) {
      const sent = performance.now();
      await askOnce();
      latenciesMs.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  const seconds = (performance.now() - begun) / 1000;
  const cpu = (await cpuMs(pid)) - cpuBefore;
  return { perSecond: latenciesMs.length / seconds, latenciesMs, cpuMsPerRequest: cpu / latenciesMs.length };
}
