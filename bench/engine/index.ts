import type { BenchOptions, Measurements } from '../measure.ts';
import { ensurePeers } from '../peers.ts';
import { checkDurability } from '../queue/postgres.ts';
import { measureCommits } from './commits.ts';
import { CONTENDERS, openContender, type Contender } from './contender.ts';
import { measureCost, waysOf } from './cost.ts';
import { attempt, merged, type Extent } from './figures.ts';
import { measureResume } from './resume.ts';
import { measureStreams } from './streams.ts';

/** A quick benchmark begins nothing new so long after all engines are open, in milliseconds. */
const QUICK_MS = 28_000;

/**
 * Reeve's engine beside Mastra, LangGraph.js and DBOS, over one PostgreSQL: what a step costs, what a run stores, how soon one
 * that was killed goes on; and a thousand readers of its event streams.
 */
export async function bench({ quick, databaseUrl: serverUrl }: BenchOptions): Promise<Measurements> {
  const extent: Extent = { quick, serverUrl, problems: [], until: Infinity };
  if (serverUrl === undefined) console.error('Without --database postgres://… there is Reeve on PGlite alone.');
  else {
    await ensurePeers(import.meta.dirname);
    console.error(await checkDurability(serverUrl));
  }
  const able = CONTENDERS.filter(({ place }) => place === 'pglite' || serverUrl !== undefined);
  const chosen = quick ? able.filter(({ engine }) => engine !== 'langgraph-async') : able;
  const measurements = await measureAll(chosen, quick ? chosen.slice(0, 1) : chosen, extent);
  for (const problem of extent.problems) console.error(`not measured: ${problem}`);
  if (extent.problems.length > 0) process.exitCode = 1;
  return measurements;
}

/** All of `chosen` are open at once, idle while another has its turn; `few` are measured in what takes long. */
async function measureAll(
  chosen: readonly Contender[],
  few: readonly Contender[],
  given: Extent,
): Promise<Measurements> {
  await using stack = new AsyncDisposableStack();
  const opening = chosen.map((one) => attempt(one.name, given, () => openContender(one, given.serverUrl, stack)));
  const opened = (await Promise.all(opening)).filter((one) => one !== undefined);
  const extent = given.quick ? { ...given, until: performance.now() + QUICK_MS } : given;
  const { short, long } = waysOf(extent);
  const sections: Record<string, () => Promise<Measurements>> = {
    'ten tool calls': () => measureCost(opened, short, extent),
    'a hundred tool calls': () => measureCost(opened, long, extent),
    resume: () => measureResume(few.filter(goesOn), extent),
    streams: () => measureStreams(extent),
    commits: () => measureCommits(few, extent),
  };
  const all: Measurements[] = [];
  for (const [name, measure] of Object.entries(sections)) {
    const begun = performance.now();
    all.push((await attempt(name, extent, measure)) ?? { ratios: {}, figures: {} });
    console.error(`${name}: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  }
  return merged(all);
}

/** A run of Mastra's that was killed was not gone on with: `recover` did not ask the model again within two minutes. */
function goesOn({ name }: Contender): boolean {
  if (name === 'Mastra')
    console.error('Resume leaves out Mastra: its recover() did not ask the model within two minutes.');
  return name !== 'Mastra';
}
