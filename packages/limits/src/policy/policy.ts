import type { PolicyOrigin, TenantPolicyView, TenantSettings, TenantSettingsPatch } from '@reeve/contract';
import { isRecord } from '@reeve/kit';
import { anyMatches } from './glob.ts';

/** What holds for a tenant. */
export interface TenantPolicy {
  readonly tenantId: string;
  /** May requests go on when the store of rate limits can't be reached? */
  readonly failOpen: boolean;
  /** Of the whole tenant in a minute; null: no limit. */
  readonly requestsPerMinute: number | null;
  /** Of the whole tenant at once; null: no limit. */
  readonly concurrentRuns: number | null;
  /** Everything as it is written in the tenants file and shown by the API. */
  readonly settings: TenantPolicyView;
  /** Where each value of `settings` comes from, by its path. */
  readonly origins: Readonly<Record<string, PolicyOrigin>>;
}

/** A source of values; of several the last one that has a value decides. */
export interface Layer {
  readonly origin: PolicyOrigin;
  readonly settings: TenantSettings;
}

/** What holds where nobody said anything. */
const BUILT_IN: Layer = {
  origin: 'default',
  settings: {
    fail_open: true,
    budgets: { default: 0 },
    budgets_usd: { default: '0' },
    rate_limits: { requests_per_minute: 0, concurrent_runs: 0 },
    routing: { allow: [], deny: [] },
    tools: { allow: [], deny: [], approve: [] },
    egress: { default: [] },
    memory: { extract: false, secrets: 'refuse', refuse: [], mask: [] },
  },
};

/** Puts a tenant's policy together, value by value: a list is one value, and so is the budget of each persona. */
export function composePolicy(tenantId: string, layers: readonly Layer[]): TenantPolicy {
  const values = new Map<string, Value>();
  const origins: Record<string, PolicyOrigin> = {};
  for (const { origin, settings } of [BUILT_IN, ...layers]) {
    for (const [path, value] of valuesOf(settings)) {
      values.set(path, value);
      origins[path] = origin;
    }
  }
  const settings = settingsOf(values) as TenantPolicyView;
  const { requests_per_minute, concurrent_runs } = settings.rate_limits;
  return {
    tenantId,
    failOpen: settings.fail_open,
    requestsPerMinute: requests_per_minute || null,
    concurrentRuns: concurrent_runs || null,
    settings,
    origins,
  };
}

/** Overrides after a change: null takes one away, and what is left out stays. */
export function changeSettings(before: TenantSettings, change: TenantSettingsPatch): TenantSettings {
  const values = new Map(valuesOf(before));
  for (const [path, value] of valuesOf(change)) {
    if (value === null) values.delete(path);
    else values.set(path, value);
  }
  return settingsOf(values) as TenantSettings;
}

/**
 * True where a tenant may ask a model. What is denied goes before what is allowed, and a list of nothing allows all. Patterns are
 * held against the whole id and against what follows its provider, so that `gpt-5` means `openai/gpt-5`.
 */
export function mayUseModel({ settings: { routing } }: TenantPolicy, model: string): boolean {
  const names = [model, model.slice(model.indexOf('/') + 1)];
  if (anyMatches(routing.deny, ...names)) return false;
  return routing.allow.length === 0 || anyMatches(routing.allow, ...names);
}

/** What a tenant says of a tool. What is denied goes first, then what a person is asked about, then what is allowed; a list of nothing allows all. */
export function toolRule({ settings: { tools } }: TenantPolicy, tool: string): 'allow' | 'deny' | 'approve' {
  if (anyMatches(tools.deny, tool)) return 'deny';
  if (anyMatches(tools.approve, tool)) return 'approve';
  return tools.allow.length === 0 || anyMatches(tools.allow, tool) ? 'allow' : 'deny';
}

/** The hosts that programs of a tool may reach. */
export function egressHosts({ settings: { egress } }: TenantPolicy, tool: string): readonly string[] {
  return egress[tool] ?? egress['default'] ?? [];
}

type Value = boolean | number | string | null | readonly string[];

/** The single values with their paths: `budgets.default`, `routing.allow`. No name in a path has a dot. */
function valuesOf(settings: TenantSettings | TenantSettingsPatch): [path: string, value: Value][] {
  return Object.entries(settings).flatMap(([field, value]): [string, Value][] => {
    if (value === undefined) return [];
    if (!isRecord(value)) return [[field, value as Value]];
    return Object.entries(value).flatMap(([name, inner]): [string, Value][] =>
      inner === undefined ? [] : [[`${field}.${name}`, inner as Value]],
    );
  });
}

function settingsOf(values: ReadonlyMap<string, Value>): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const [path, value] of values) {
    const [field, name] = path.split('.') as [string, string?];
    if (name === undefined) settings[field] = value;
    else settings[field] = { ...(settings[field] as Record<string, Value> | undefined), [name]: value };
  }
  return settings;
}
