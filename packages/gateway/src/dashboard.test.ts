import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ReeveError, silentLog } from '@reeve/kit';
import { gather } from './dashboard.ts';

const whole = {
  agent: async () => ({ agents: 1, runs_last_day: {} }),
  sandbox: async () => ({ health: 'ok' as const }),
  memory: async () => ({ memories: 0, sessions: 0 }),
  models: async () => ({
    health: 'ok' as const,
    provider: 'mock',
    default_model: 'mock',
    open_circuits: { start: false, agents: 0 },
  }),
  pools: async () => ({ message: 'none' }),
  tasks: async () => ({ by_status: { completed: 3 } }),
};

it('a part that fails or hangs is left out alone, without internal details', async () => {
  const startedAt = performance.now();
  const data = await gather(
    {
      ...whole,
      agent: () => Promise.reject(new Error('select secret from /etc/passwd')),
      memory: () => new Promise(() => {}),
      models: () => Promise.reject(new ReeveError('unavailable', 'the gateway of models is away')),
      sandbox: () => {
        throw new Error('at once');
      },
    },
    silentLog,
    100,
  );
  assert.ok(performance.now() - startedAt < 5_000);
  const inside = 'something went wrong inside; the log has it under this request id';
  assert.deepEqual(data, {
    agent: { status: 'error', error: inside },
    sandbox: { status: 'error', error: inside },
    memory: { status: 'error', error: 'no answer within 100 ms' },
    models: { status: 'error', error: 'the gateway of models is away' },
    pools: { status: 'ok', message: 'none' },
    tasks: { status: 'ok', by_status: { completed: 3 } },
  });
});

it('all parts load in parallel', async () => {
  let asked = 0;
  const all = Promise.withResolvers<void>();
  const together =
    <T>(answer: () => Promise<T>) =>
    async (): Promise<T> => {
      asked += 1;
      if (asked === 6) all.resolve();
      await all.promise;
      return answer();
    };
  const { agent, sandbox, memory, models, pools, tasks } = whole;
  const data = await gather(
    {
      agent: together(agent),
      sandbox: together(sandbox),
      memory: together(memory),
      models: together(models),
      pools: together(pools),
      tasks: together(tasks),
    },
    silentLog,
    1_000,
  );
  assert.ok(Object.values(data).every(({ status }) => status === 'ok'));
});
