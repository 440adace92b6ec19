import type { Measurements } from '../../measure.ts';
import type { Contender } from '../contender.ts';
import { drain, type Drained } from '../drain.ts';
import { figuresOf, ratioOf, takeTurns, type Extent } from '../turns.ts';
import { LARGE_BATCHES } from './work.ts';

const TENANTS = 100;
/** Tasks of a tenant at a time, where there are limits: more than two processes would give each of a hundred. */
const LIMIT = 50;

/** What it costs Reeve to share claims out between a hundred tenants, and to keep to a limit for each. */
export async function measureFairness(reeve: Contender, { quick, rounds, problems }: Extent): Promise<Measurements> {
  const tasks = quick ? 4_000 : 20_000;
  const sides = new Map(
    [1, 2].flatMap((processes) =>
      [
        ['one tenant', 1, null] as const,
        [`${TENANTS} tenants`, TENANTS, null] as const,
        [`${TENANTS} tenants, with limits`, TENANTS, LIMIT] as const,
      ].map(([name, tenants, limit]) => {
        return [sideOf(name, processes), () => drainTenants(reeve, { tasks, tenants, limit, processes })] as const;
      }),
    ),
  );
  const drained = await takeTurns(rounds, sides, problems);
  const settled = ({ settledPerSecond }: Drained) => settledPerSecond;
  const ratios = [1, 2].map((processes) => {
    const one = sideOf('one tenant', processes);
    const [fair, limited] = [
      sideOf(`${TENANTS} tenants`, processes),
      sideOf(`${TENANTS} tenants, with limits`, processes),
    ];
    return {
      ...ratioOf(drained, [`${fair} / one tenant`, fair, one], settled, { atLeast: 0.75 }),
      ...ratioOf(drained, [`${limited} / one tenant`, limited, one], settled, { atLeast: 0.75 }),
      ...ratioOf(drained, [`${limited} / without`, limited, fair], settled),
    };
  });
  return {
    ratios: Object.assign({}, ...ratios) as Measurements['ratios'],
    figures: figuresOf(drained, 'tasks/s', settled),
  };
}

function sideOf(name: string, processes: number): string {
  return `fairness, ${processes} ${processes === 1 ? 'process' : 'processes'}: ${name}`;
}

async function drainTenants(
  reeve: Contender,
  { tasks, tenants, limit, processes }: { tasks: number; tenants: number; limit: number | null; processes: number },
): Promise<Drained> {
  const { front } = reeve;
  await front.call('clear');
  await front.call('scene', 'enqueueForTenants', tasks, tenants);
  await front.call('scene', 'limitTenants', limit);
  try {
    return await drain(reeve, { processes, settings: LARGE_BATCHES });
  } finally {
    await front.call('scene', 'limitTenants', null);
    await front.call('clear');
  }
}
