import { z } from 'zod';
import { Id, Time, listOf, paging, text } from '../common.ts';
import { defineRoute } from '../route.ts';
import { AgentRef } from './names.ts';

const tag = 'Usage';
const tokens = z.number().int();
const usd = z.string().describe('Decimal string in USD.');

/** What a budget is for, from the widest to the narrowest. A call must find room in each that applies to it. */
export const BUDGET_SCOPES = ['tenant', 'month', 'persona', 'agent', 'run'] as const;
export const BudgetScope = z
  .enum(BUDGET_SCOPES)
  .describe('`month`: a persona in a calendar month in UTC, as the tenant’s policy says; it is changed there.');
export type BudgetScope = z.infer<typeof BudgetScope>;
/** Those whose limits are set by themselves, and not by the tenant’s policy. */
export const SettableScope = z.enum(BUDGET_SCOPES).exclude(['month']);
export type SettableScope = z.infer<typeof SettableScope>;

export const Budget = z
  .object({
    scope: BudgetScope,
    ref: z.string().describe('The persona, the agent’s slug or the run at the root of its tree; empty for the tenant.'),
    limit_tokens: tokens.nullable().describe('Null: no limit.'),
    spent_tokens: tokens,
    reserved_tokens: tokens.describe('What calls that are under way may use at most.'),
    left_tokens: tokens.nullable().describe('Of the limit, without what is spent and reserved.'),
    limit_usd: usd.nullable(),
    spent_usd: usd,
    reserved_usd: usd,
    left_usd: usd.nullable(),
    updated_by: z.string().describe('A user id, or `system`.'),
    updated_at: Time,
  })
  .meta({ id: 'Budget' });
export type Budget = z.infer<typeof Budget>;

/** Money that can be counted in billionths without loss. */
const UsdInput = z
  .string()
  .regex(/^\d{1,7}(\.\d{1,9})?$/, 'must be a decimal number of USD, such as "25" or "0.50"')
  .refine((amount) => Number(amount) <= 9_000_000, 'must be at most 9000000')
  .describe('Decimal string in USD, up to 9000000.');

const LIMITS_MISSING = 'give limit_tokens, limit_usd or both; null takes a limit away';
export const BudgetInput = z
  .strictObject({
    scope: SettableScope,
    ref: text(1, 100).nullish().describe('The id of the persona or the run, or the agent by id or slug.'),
    limit_tokens: z.number().int().min(0).max(1_000_000_000_000_000).nullish(),
    limit_usd: UsdInput.nullish(),
  })
  .superRefine(({ scope, ref, limit_tokens, limit_usd }, context) => {
    const fault = refFault(scope, ref ?? undefined);
    if (fault !== undefined) context.addIssue({ code: 'custom', path: ['ref'], message: fault });
    if (limit_tokens === undefined && limit_usd === undefined)
      context.addIssue({ code: 'custom', path: [], message: LIMITS_MISSING });
  })
  .meta({ id: 'BudgetInput' });
export type BudgetInput = z.infer<typeof BudgetInput>;

function refFault(scope: BudgetScope, ref: string | undefined): string | undefined {
  if (scope === 'tenant') return ref === undefined ? undefined : 'must be left out: the budget is the whole tenant’s';
  if (ref === undefined) return `must name the ${scope}`;
  return (scope === 'agent' ? AgentRef : Id).safeParse(ref).error?.issues[0]?.message;
}

export const listBudgets = defineRoute({
  method: 'GET',
  path: '/api/v1/budgets',
  tag,
  access: 'viewer',
  summary: 'Budgets, the widest first: what is spent, reserved and left',
  query: z.strictObject({ ...paging, scope: BudgetScope.optional() }),
  responses: { 200: listOf('budgets', Budget) },
});
export const putBudget = defineRoute({
  method: 'PUT',
  path: '/api/v1/budgets',
  tag,
  access: 'operator',
  summary: 'Limit what may be spent on model calls; null takes a limit away',
  description:
    'A limit that is left out stays as it is. A budget counts from the moment it is set, and is listed no more when both limits are taken away. More room lets runs go on that wait for it.',
  body: BudgetInput,
  responses: { 200: Budget },
});

/** By what usage is summed up. */
export const USAGE_GROUPS = ['none', 'agent', 'persona', 'model', 'provider', 'user', 'day'] as const;
export const UsageGrouping = z.enum(USAGE_GROUPS);
export type UsageGrouping = z.infer<typeof UsageGrouping>;

const sums = {
  calls: z.number().int().describe('Attempts at model calls, those under way included.'),
  open_calls: z.number().int().describe('Of these: under way. Nothing else counts them yet.'),
  errors: z.number().int().describe('Neither `ok`, `cancelled` nor `abandoned`.'),
  estimated_calls: z.number().int().describe('Those whose tokens nobody counted.'),
  input_tokens: tokens,
  output_tokens: tokens,
  total_tokens: tokens,
  cached_tokens: tokens.describe('Of the input.'),
  reasoning_tokens: tokens.describe('Of the output.'),
  cost_usd: usd.nullable().describe('Of the calls whose price is known; null where none is.'),
  unpriced_calls: z.number().int().describe('Those whose price is not known, so that the cost leaves them out.'),
  latency_ms: z.object({ p50: z.number().int().nullable(), p95: z.number().int().nullable() }),
  first_token_ms: z.object({ p50: z.number().int().nullable(), p95: z.number().int().nullable() }),
};
export const UsageTotals = z.object(sums).meta({ id: 'UsageTotals' });
export type UsageTotals = z.infer<typeof UsageTotals>;
export const UsageGroup = z
  .object({ key: z.string().nullable().describe('Null: calls that have none. A day is in UTC: 2026-11-21.'), ...sums })
  .meta({ id: 'UsageGroup' });
export type UsageGroup = z.infer<typeof UsageGroup>;

const MOMENT = 'must be a time such as 2026-11-21T08:00:00Z, or a day such as 2026-11-21';
/** A moment; a day is its first one in UTC. */
const Moment = z
  .union([Time, z.iso.date({ error: MOMENT })], { error: MOMENT })
  .refine((time) => new Date(time).getUTCFullYear() >= 1 && new Date(time).getUTCFullYear() <= 9999, MOMENT);

export const getUsage = defineRoute({
  method: 'GET',
  path: '/api/v1/usage',
  tag,
  access: 'viewer',
  summary: 'What model calls used and cost, in all and by group',
  description:
    'Calls that began at or after `from` and before `to`. Days come in order, other groups by cost, the dearest first. `total` counts the groups.',
  query: z.strictObject({
    ...paging,
    from: Moment.optional().describe('A time, or a day in UTC; 30 days before `to` unless given.'),
    to: Moment.optional().describe('A time, or a day in UTC, which is not included; now unless given.'),
    group_by: UsageGrouping.default('none'),
  }),
  responses: {
    200: listOf('groups', UsageGroup).extend({ from: Time, to: Time, group_by: UsageGrouping, totals: UsageTotals }),
  },
});

/** One attempt at a model call. */
export const ModelCall = z
  .object({
    id: Id,
    run_id: Id.nullable(),
    root_run_id: Id.nullable(),
    step: z.number().int().nullable(),
    agent_id: z.string().nullable(),
    persona_id: Id.nullable(),
    user_id: z.string(),
    trace_id: z.string(),
    provider: z.string(),
    model: z.string(),
    attempt: z.number().int(),
    status: z.enum(['open', 'settled']),
    outcome: z
      .string()
      .nullable()
      .describe('`ok`, `cancelled`, `abandoned`, `crashed` or the reason of its error; null while it is open.'),
    reserved_tokens: tokens.describe('The most that it could use.'),
    reserved_usd: usd.nullable(),
    input_tokens: tokens.nullable(),
    output_tokens: tokens.nullable(),
    cached_tokens: tokens.nullable(),
    reasoning_tokens: tokens.nullable(),
    cost_usd: usd.nullable().describe('Null where the price is not known, or while it is open.'),
    estimated: z.boolean().describe('Nobody counted: reckoned from what was sent and streamed.'),
    first_token_ms: z.number().int().nullable(),
    latency_ms: z.number().int().nullable(),
    created_at: Time,
    ended_at: Time.nullable(),
  })
  .meta({ id: 'ModelCall' });
export type ModelCall = z.infer<typeof ModelCall>;

export const listModelCalls = defineRoute({
  method: 'GET',
  path: '/api/v1/usage/calls',
  tag,
  access: 'viewer',
  summary: 'The ledger of model calls, newest first',
  description: '`total` counts up to 10,000.',
  query: z.strictObject({
    ...paging,
    run_id: Id.optional(),
    agent_id: AgentRef.optional(),
    model: text(1, 200).optional(),
    outcome: text(1, 100).optional(),
  }),
  responses: { 200: listOf('calls', ModelCall) },
});
