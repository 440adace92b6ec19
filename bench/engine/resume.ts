import { measured, type Measurements } from '../measure.ts';
import { openAddress, ON_PGLITE, REEVE, type Contender } from './contender.ts';
import type { Shape } from './engine.ts';
import { startEngineProcess } from './engine-process.ts';
import { attempt, type Extent, type Table } from './figures.ts';

/** Tool calls that were made when the process is killed: with the model calls before them, a hundred steps. */
const DONE = 50;

/**
 * A process is killed in the model call after a hundred steps; in a fresh one, which has compiled nothing yet, milliseconds
 * from taking up the run to the next call of the model.
 */
export async function measureResume(contenders: readonly Contender[], extent: Extent): Promise<Measurements> {
  const ratios: Table = {};
  const figures: Table = {};
  const shape: Shape = { seed: 'resume', toolCalls: 2 * DONE, resultBytes: 1_000, hangAfter: DONE };
  for (const contender of contenders) {
    const { name } = contender;
    const times: number[] = [];
    await attempt(`${name}, resume`, extent, async () => {
      for (let round = 0; round < (extent.quick ? 1 : 5); round += 1)
        times.push(await killAndResume(contender, extent, shape));
    });
    if (times.length === 0) continue;
    const own = name === REEVE || name === ON_PGLITE;
    (own ? ratios : figures)[`resume after ${2 * DONE} steps: ${name}`] = measured(
      times,
      'ms',
      own ? { atMost: 200 } : undefined,
    );
  }
  return { ratios, figures };
}

async function killAndResume(contender: Contender, { serverUrl }: Extent, shape: Shape): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const address = await openAddress(contender, serverUrl, stack);
  const first = await startEngineProcess(contender.engine, address);
  try {
    await first.call('hang', shape);
    await Promise.race([
      first.hanging,
      new Promise((_, reject) => setTimeout(() => reject(new Error('its model was not asked')), 60_000).unref()),
    ]);
  } finally {
    await first.kill();
  }
  const second = await startEngineProcess(contender.engine, address);
  try {
    return await second.call('resume', shape);
  } finally {
    await second.kill();
  }
}
