// runs on: both databases
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import type { Database } from '@reeve/db';
import { ReeveError, silentLog } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { sql } from 'kysely';
import { ensureTenant } from '@reeve/identity';
import { beginCall, HOLD_MS, settleCall } from './call.ts';
import { ATTEMPT, OWNER, setBudget } from '../test/metering.ts';
import { costNano } from './cost.ts';
import type { Price } from './metering.ts';
import { sweepCalls } from './sweep.ts';

/*
 * Random histories of calls against random budgets, beside what they must come to. Each history has a tenant of its own.
 */
const AGENTS = ['ada', 'bob', null] as const;
const PRICES: readonly (Price | null)[] = [
  { inputNano: 3, cachedInputNano: 0.3, outputNano: 15.7 },
  { inputNano: 0, cachedInputNano: 0, outputNano: 0 },
  null,
];

type Command =
  | { does: 'begin'; agent: number; input: number; output: number; price: number }
  | { does: 'settle'; call: number; input: number; output: number; cached: number }
  | { does: 'crash'; call: number };

interface Begun {
  readonly id: string;
  readonly input: number;
  readonly output: number;
  readonly price: Price | null;
  cost: number | null;
  used: number;
  state: 'open' | 'settled';
}

const tokens = fc.integer({ min: 0, max: 100 });
const pick = fc.nat({ max: 50 });
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ does: fc.constant('begin'), agent: pick, input: tokens, output: tokens, price: pick }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ does: fc.constant('settle'), call: pick, input: tokens, output: tokens, cached: tokens }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('crash'), call: pick }) },
);
const limit = fc.option(fc.integer({ min: 0, max: 800 }), { nil: null });
const limits = fc.record({ tokens: limit, nano: fc.option(fc.integer({ min: 0, max: 8_000 }), { nil: null }) });

describe('any history of calls', () => {
  for (const honest of [true, false])
    it(`keeps budgets true where calls use ${honest ? 'at most what they reserved' : 'whatever they like'}`, async () => {
      await using database = await openTestDatabase();
      await fc.assert(
        fc.asyncProperty(limits, limits, fc.array(command, { maxLength: 30 }), async (tenant, agent, commands) => {
          await live(database, honest, { tenant, ada: agent }, commands);
        }),
        cases(300, 30),
      );
    });
});

type Limits = { readonly tokens: number | null; readonly nano: number | null };

/** One history: what its tenant did, beside what the database says of it. */
interface History {
  readonly database: Database;
  readonly tenantId: string;
  /** Whether no call uses more than it reserved. */
  readonly honest: boolean;
  readonly calls: Begun[];
}

/** Carries out the commands under a budget of the tenant and one of the agent ada, and looks after each. */
async function live(
  database: Database,
  honest: boolean,
  budgets: Readonly<Record<'tenant' | 'ada', Limits>>,
  commands: readonly Command[],
): Promise<void> {
  const history: History = { database, tenantId: `t-${randomUUID()}`, honest, calls: [] };
  await ensureTenant(database.db, history.tenantId);
  await setBudget(database, { tenantId: history.tenantId, ...budgets.tenant });
  await setBudget(database, { tenantId: history.tenantId, scope: 'agent', ref: 'ada', ...budgets.ada });
  let before: readonly number[] = [];
  for (const each of commands) {
    if (each.does === 'begin') await begin(history, each);
    else if (each.does === 'settle') await settle(history, each);
    else await crash(history, each);
    const spent = await look(history);
    assert.ok(spent.every((amount, index) => amount >= (before[index] ?? 0)));
    before = spent;
  }
}

async function begin(
  history: History,
  { agent, input, output, price: which }: Command & { does: 'begin' },
): Promise<void> {
  const owner = { ...OWNER, tenantId: history.tenantId, agentId: AGENTS[agent % AGENTS.length] ?? null };
  const price = PRICES[which % PRICES.length]!;
  const attempt = { ...ATTEMPT, inputTokens: input, maxOutputTokens: output, price };
  try {
    const id = await beginCall(history.database.db, owner, attempt, HOLD_MS);
    history.calls.push({ id, input, output, price, cost: null, used: 0, state: 'open' });
  } catch (error) {
    assert.equal(ReeveError.from(error).reason, 'budget_exhausted');
  }
}

async function settle(history: History, { call: which, ...asked }: Command & { does: 'settle' }): Promise<void> {
  const call = history.calls[which % history.calls.length];
  if (call === undefined) return;
  const input = history.honest ? Math.min(asked.input, call.input) : asked.input;
  const output = history.honest ? Math.min(asked.output, call.output) : asked.output;
  const usage = { input, output, cached: Math.min(asked.cached, input), reasoning: 0 };
  const end = { outcome: 'ok', usage, estimated: false, firstTokenMs: null, latencyMs: 1 };
  const settled = await settleCall(history.database.db, history.tenantId, call.id, end);
  assert.equal(settled, call.state === 'open');
  if (settled) Object.assign(call, { state: 'settled', used: input + output, cost: costNano(call.price, usage) });
}

async function crash({ database, calls }: History, { call: which }: Command & { does: 'crash' }): Promise<void> {
  const call = calls[which % calls.length];
  if (call === undefined) return;
  await database.db
    .updateTable('model_calls')
    .set({ expires_at: new Date(0) })
    .where('id', '=', call.id)
    .execute();
  assert.equal(await sweepCalls(database, silentLog), call.state === 'open' ? 1 : 0);
  if (call.state === 'settled') return;
  const { input, output, price } = call;
  const cost = costNano(price, { input, output, cached: 0, reasoning: 0 });
  Object.assign(call, { state: 'settled', used: input + output, cost });
}

interface Look {
  readonly ref: string;
  readonly limits: [number | null, number | null];
  readonly spent: [number, number];
  readonly reserved: [number, number];
  readonly used: [number, number];
  readonly held: [number, number];
}

/** Holds budgets against the rows of calls and against what was done; each pair is tokens and money. Answers what is spent. */
async function look({ database, tenantId, honest, calls }: History): Promise<number[]> {
  const { rows } = await sql<Look>`
    select b.ref, jsonb_build_array(b.limit_tokens, b.limit_nano) as limits, jsonb_build_array(b.spent_tokens, b.spent_nano) as spent,
      jsonb_build_array(b.reserved_tokens, b.reserved_nano) as reserved, used.pair as used, held.pair as held
    from budgets b, lateral (
      select jsonb_build_array(coalesce(sum(input_tokens + output_tokens), 0), coalesce(sum(cost_nano), 0)) as pair
      from model_calls c where c.tenant_id = b.tenant_id and c.status = 'settled' and (b.scope = 'tenant' or c.agent_id = b.ref)) used,
    lateral (
      select jsonb_build_array(coalesce(sum(reserved_input + reserved_output), 0), coalesce(sum(reserved_nano), 0)) as pair
      from model_calls c where c.tenant_id = b.tenant_id and c.status = 'open' and b.scope = any(c.held_in)
        and (b.scope = 'tenant' or c.agent_id = b.ref)) held
    where b.tenant_id = ${tenantId} order by b.scope`.execute(database.db);
  for (const { limits: most, spent, reserved, used, held } of rows) {
    assert.deepEqual({ spent, reserved }, { spent: used, reserved: held });
    if (!honest) continue;
    assert.ok(spent[0] + reserved[0] <= (most[0] ?? Infinity), 'tokens');
    assert.ok(spent[1] + reserved[1] <= (most[1] ?? Infinity), 'money');
  }
  const done = calls.reduce(([used, cost], call) => [used + call.used, cost + (call.cost ?? 0)] as const, [
    0, 0,
  ] as readonly [number, number]);
  assert.deepEqual(rows.find(({ ref }) => ref === '')?.spent, done);
  return rows.flatMap(({ spent }) => spent);
}
