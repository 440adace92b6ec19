import { measured, type Measurements } from '../measure.ts';
import { post } from './load.ts';
import { putBudget, type Gateway } from './server.ts';

const CALLS = 256;
const ROOM = 10;
/** Takes 300 ms, so that calls meet. */
const ASK = { model: 'fake-3-100', stream: false };

interface Budget {
  readonly scope: string;
  readonly spent_tokens: number;
  readonly reserved_tokens: number;
}

/** What is spent, over a budget with room for ten calls that 256 calls want at once; and what is still held afterwards. */
export async function measureSpending(gateway: Gateway): Promise<Measurements> {
  const before = await budgetOf(gateway);
  await post(gateway, ASK);
  const reserved = await reservedByLast(gateway);
  const begun = await budgetOf(gateway);
  const room = ROOM * reserved;
  await putBudget(gateway, { limit_usd: null, limit_tokens: begun.spent_tokens + room });
  const answers = await Promise.all(Array.from({ length: CALLS }, () => post(gateway, ASK)));
  const after = await budgetOf(gateway);
  await putBudget(gateway, { limit_usd: '100000', limit_tokens: null });
  const answered = answers.filter(({ statusCode }) => statusCode === 200).length;
  const refused = answers.filter(({ statusCode }) => statusCode === 402 || statusCode === 429).length;
  if (answered + refused !== CALLS)
    throw new Error(`${CALLS - answered - refused} calls were neither answered nor refused`);
  if (begun.spent_tokens <= before.spent_tokens) throw new Error('a call was not counted');
  return {
    ratios: {
      [`spent / budget, ${CALLS} calls at once, ${gateway.name}`]: measured(
        [(after.spent_tokens - begun.spent_tokens) / room],
        '×',
        { atMost: 1 },
      ),
      [`still held afterwards, ${gateway.name}`]: measured([after.reserved_tokens], 'tokens', { atMost: 0 }),
    },
    figures: { [`answered of ${CALLS} with room for ${ROOM}, ${gateway.name}`]: measured([answered], 'calls') },
  };
}

async function budgetOf(gateway: Gateway): Promise<Budget> {
  const { budgets } = (await get(gateway, '/api/v1/budgets')) as { budgets: Budget[] };
  return budgets.find(({ scope }) => scope === 'tenant')!;
}

async function reservedByLast(gateway: Gateway): Promise<number> {
  const { calls } = (await get(gateway, '/api/v1/usage/calls?limit=1')) as { calls: { reserved_tokens: number }[] };
  return calls[0]!.reserved_tokens;
}

async function get({ pool, headers }: Gateway, path: string): Promise<unknown> {
  const answer = await pool.request({ path, method: 'GET', headers });
  if (answer.statusCode !== 200)
    throw new Error(`GET ${path} answered ${answer.statusCode}: ${await answer.body.text()}`);
  return answer.body.json();
}
