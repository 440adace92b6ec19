import type { PolicyOrigin, Tenant } from '@reeve/contract';

/** One of the values that a field may have. */
export interface Choice {
  readonly value: boolean | string;
  readonly label: string;
}

/** One value of a policy, and what it is, which decides how it is shown and typed. */
export type PolicyField = {
  /** As the API names it: `rate_limits.requests_per_minute`. */
  readonly path: string;
  readonly label: string;
} & (
  | { readonly kind: 'tokens' | 'usd' | 'count' | 'globs' | 'patterns' }
  | { readonly kind: 'choice'; readonly choices: readonly Choice[] }
);

/** Values that are shown and changed together. */
export interface PolicyGroup {
  readonly id: 'budgets' | 'rate_limits' | 'routing' | 'tools' | 'egress' | 'memory' | 'fail_open';
  readonly title: string;
  readonly lead: string;
  fieldsOf(tenant: Pick<Tenant, 'policy'>): readonly PolicyField[];
}

const fixed = (fields: readonly PolicyField[]) => () => fields;

export const POLICY_GROUPS: readonly PolicyGroup[] = [
  {
    id: 'budgets',
    title: 'Budgets',
    lead: 'What model calls may use in a calendar month (UTC), by persona. Calls of personas that are not named, and of none, count as “default”.',
    fieldsOf: ({ policy }) => personasOf(policy).flatMap(budgetFields),
  },
  {
    id: 'rate_limits',
    title: 'Rate limits',
    lead: 'Of the whole tenant. Each caller has a limit of its own besides.',
    fieldsOf: fixed([
      { path: 'rate_limits.requests_per_minute', label: 'Requests a minute', kind: 'count' },
      { path: 'rate_limits.concurrent_runs', label: 'Runs at once', kind: 'count' },
    ]),
  },
  {
    id: 'routing',
    title: 'Models',
    lead: 'Which models may be asked. What is denied goes first; allowing nothing allows all.',
    fieldsOf: fixed([
      { path: 'routing.allow', label: 'Allowed', kind: 'globs' },
      { path: 'routing.deny', label: 'Denied', kind: 'globs' },
    ]),
  },
  {
    id: 'tools',
    title: 'Tools',
    lead: 'What is denied goes first, then what a person is asked about, then what is allowed; allowing nothing allows all.',
    fieldsOf: fixed([
      { path: 'tools.allow', label: 'Allowed', kind: 'globs' },
      { path: 'tools.approve', label: 'A person is asked about', kind: 'globs' },
      { path: 'tools.deny', label: 'Denied', kind: 'globs' },
    ]),
  },
  {
    id: 'egress',
    title: 'Network of programs',
    lead: 'Hosts that programs in the sandbox may reach, by tool; “default” is for tools that are not named. None: no network.',
    fieldsOf: ({ policy }) =>
      Object.keys(policy.egress).map((tool) => ({ path: `egress.${tool}`, label: tool, kind: 'globs' })),
  },
  {
    id: 'memory',
    title: 'Memory',
    lead: 'What agents remember, and what nobody may. Patterns are regular expressions as RE2 reads them, with (?i) in front where case does not matter.',
    fieldsOf: fixed([
      {
        path: 'memory.extract',
        label: 'Facts from conversations',
        kind: 'choice',
        choices: [
          { value: true, label: 'A model looks for facts worth keeping' },
          { value: false, label: 'Only what is asked to be remembered' },
        ],
      },
      {
        path: 'memory.secrets',
        label: 'Texts with credentials or card numbers',
        kind: 'choice',
        choices: [
          { value: 'refuse', label: 'Are refused' },
          { value: 'mask', label: 'Are stored with *** in their place' },
        ],
      },
      { path: 'memory.refuse', label: 'Texts are refused that match', kind: 'patterns' },
      { path: 'memory.mask', label: 'Masked in a text', kind: 'patterns' },
    ]),
  },
  {
    id: 'fail_open',
    title: 'When limits can’t be counted',
    lead: 'While the store of rate limits is away, requests go on with a fair share in each process, or are refused. Budgets never fail open.',
    fieldsOf: fixed([
      {
        path: 'fail_open',
        label: 'Requests',
        kind: 'choice',
        choices: [
          { value: true, label: 'Go on, with a fair share of the limits' },
          { value: false, label: 'Are refused (503)' },
        ],
      },
    ]),
  },
];

/** The two budgets of a persona. */
export function budgetFields(persona: string): readonly PolicyField[] {
  return [
    { path: `budgets.${persona}`, label: `${persona}: tokens a month`, kind: 'tokens' },
    { path: `budgets_usd.${persona}`, label: `${persona}: dollars a month`, kind: 'usd' },
  ];
}

/** Personas that have a budget of their own, `default` first. */
export function personasOf({ budgets, budgets_usd: usd }: Pick<Tenant['policy'], 'budgets' | 'budgets_usd'>): string[] {
  const named = new Set([...Object.keys(budgets), ...Object.keys(usd)].filter((name) => name !== 'default'));
  return ['default', ...[...named].sort()];
}

export type PolicyValue = boolean | number | string | readonly string[];

/** The value at a path of a policy; undefined where there is none. */
export function valueAt(policy: object, path: string): PolicyValue | undefined {
  let value: unknown = policy;
  for (const name of path.split('.')) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value as PolicyValue;
}

/** Where a value comes from. */
export function originAt({ origins }: Pick<Tenant, 'origins'>, path: string): PolicyOrigin {
  return origins[path] ?? 'default';
}

/** How many values were set for a tenant through the API. */
export function countOverrides({ origins }: Pick<Tenant, 'origins'>): number {
  return Object.values(origins).filter((origin) => origin === 'override').length;
}
