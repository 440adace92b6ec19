import { z } from 'zod';
import { Time, listOf, paging, text } from '../common.ts';
import { defineRoute } from '../route.ts';

const tag = 'Tenants';

const TENANT_ID = 'must be 1 to 64 letters, digits, - or _, and begin with a letter or digit';
export const TenantId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, TENANT_ID);

const PERSONA = 'must be default, or the name or id of a persona: letters, digits, - and _';
const PersonaName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/, PERSONA);

const MOST_TOKENS = 1_000_000_000_000_000;
const MOST_REQUESTS = 1_000_000;
const MOST_RUNS = 100_000;

/** A whole number from 0 up to `max`, which is told where it is none. */
const whole = (max: number, of: string) => {
  const message = `must be a whole number of ${of}, 0 (unlimited) to ${max}`;
  return z.number(message).int(message).min(0, message).max(max, message);
};

const USD = 'must be dollars in quotes, such as "250.00", up to 9000000; "0" is unlimited';
const Usd = z
  .string(USD)
  .regex(/^\d{1,7}(\.\d{1,9})?$/, USD)
  .refine((amount) => Number(amount) <= 9_000_000, USD);

/** A list of at most `most` texts of 1 to 200 characters; `item` and `list` say what they are where one is none. */
const texts = (most: number, of: string, item: string, list: string) =>
  z
    .array(
      z
        .string(item)
        .min(1, item)
        .max(200, item)
        .refine((value) => !value.includes('\u0000'), item),
      list,
    )
    .max(most, `must hold at most ${most} ${of}`);
const GLOB = 'must be 1 to 200 characters, with * for any text and ? for any character';
const Globs = texts(1_000, 'names', GLOB, 'must be a list of names, with * for any text');
const PATTERN = 'must be 1 to 200 characters, a regular expression as RE2 reads them';
const Patterns = texts(20, 'patterns', PATTERN, 'must be a list of regular expressions');

const HOST = 'must be the name of a host, with *. before it for all below, and :port for another than 443';
/** No address: an address would pass by what names are looked at for. */
export const EgressHost = z
  .string(HOST)
  .max(260, HOST)
  .regex(
    /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?::[1-9][0-9]{0,4})?$/,
    HOST,
  )
  .refine((host) => !/^[\d.]+(?::\d+)?$/.test(host) && Number(/:(\d+)$/.exec(host)?.[1] ?? 0) <= 65_535, HOST);
const TOOL = 'must be default, or the name of a tool: letters, digits, - and _';
const ToolName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/, TOOL);

const SECRETS = 'must be refuse or mask';

const leaves = {
  fail_open: z
    .boolean('must be true or false')
    .describe('May work go on when the store of rate limits can’t be reached? Budgets never fail open.'),
  tokens: whole(MOST_TOKENS, 'tokens'),
  usd: Usd,
  requests_per_minute: whole(MOST_REQUESTS, 'requests').describe('Of the whole tenant; 0: unlimited.'),
  concurrent_runs: whole(MOST_RUNS, 'runs').describe('Of the whole tenant; 0: unlimited.'),
  allow: Globs.describe('Globs; none allows all.'),
  deny: Globs.describe('Globs; goes before what is allowed.'),
  approve: Globs.describe('Globs of tools that a person is asked about first.'),
  hosts: z.array(EgressHost, 'must be a list of hosts').max(200, 'must hold at most 200 hosts'),
  extract: z
    .boolean('must be true or false')
    .describe('Whether a model looks for facts worth keeping in each conversation that an agent has ended.'),
  secrets: z
    .enum(['refuse', 'mask'], SECRETS)
    .describe('What becomes of a text with credentials or numbers of payment cards.'),
  refuse: Patterns.describe('What a text must not hold to be remembered.'),
  mask: Patterns.describe('What is masked in a text that is remembered.'),
};

const BUDGETS = 'Tokens a month by persona; `default` for personas that are not named. 0: unlimited.';
const BUDGETS_USD =
  'Dollars a month by persona, as decimal strings; `default` for those that are not named. "0": unlimited.';
const EGRESS =
  'Hosts that programs in the sandbox may reach, by tool; `default` for tools that are not named. `*.` stands for all below, `:port` for another than 443.';
const MEMORY = 'What is remembered, and what is never: patterns are regular expressions as RE2 reads them.';
/** Said where there is no mapping; what is wrong inside of one says so itself. */
const A_MAPPING = {
  error: ({ code }: { readonly code?: string }) => (code === 'invalid_type' ? 'must be a mapping' : undefined),
};

/** What a section of `conf/tenants.yaml` may say, and what may be set for a tenant; everything may be left out. */
export const TenantSettings = z
  .strictObject(
    {
      fail_open: leaves.fail_open,
      budgets: z.record(PersonaName, leaves.tokens, A_MAPPING).describe(BUDGETS),
      budgets_usd: z.record(PersonaName, leaves.usd, A_MAPPING).describe(BUDGETS_USD),
      rate_limits: z
        .strictObject(
          { requests_per_minute: leaves.requests_per_minute, concurrent_runs: leaves.concurrent_runs },
          A_MAPPING,
        )
        .partial(),
      routing: z.strictObject({ allow: leaves.allow, deny: leaves.deny }, A_MAPPING).partial().describe('Model ids.'),
      tools: z
        .strictObject({ allow: leaves.allow, deny: leaves.deny, approve: leaves.approve }, A_MAPPING)
        .partial()
        .describe('Names of tools.'),
      egress: z.record(ToolName, leaves.hosts, A_MAPPING).describe(EGRESS),
      memory: z
        .strictObject(
          { extract: leaves.extract, secrets: leaves.secrets, refuse: leaves.refuse, mask: leaves.mask },
          A_MAPPING,
        )
        .partial()
        .describe(MEMORY),
    },
    A_MAPPING,
  )
  .partial()
  .meta({ id: 'TenantSettings' });
export type TenantSettings = z.infer<typeof TenantSettings>;

/** The same for a change: null takes what was set away. */
export const TenantSettingsPatch = z
  .strictObject({
    fail_open: leaves.fail_open.nullable(),
    budgets: z.record(PersonaName, leaves.tokens.nullable()),
    budgets_usd: z.record(PersonaName, leaves.usd.nullable()),
    rate_limits: z
      .strictObject({
        requests_per_minute: leaves.requests_per_minute.nullable(),
        concurrent_runs: leaves.concurrent_runs.nullable(),
      })
      .partial(),
    routing: z.strictObject({ allow: leaves.allow.nullable(), deny: leaves.deny.nullable() }).partial(),
    tools: z
      .strictObject({
        allow: leaves.allow.nullable(),
        deny: leaves.deny.nullable(),
        approve: leaves.approve.nullable(),
      })
      .partial(),
    egress: z.record(ToolName, leaves.hosts.nullable()),
    memory: z
      .strictObject({
        extract: leaves.extract.nullable(),
        secrets: leaves.secrets.nullable(),
        refuse: leaves.refuse.nullable(),
        mask: leaves.mask.nullable(),
      })
      .partial(),
  })
  .partial()
  .meta({ id: 'TenantSettingsPatch' });
export type TenantSettingsPatch = z.infer<typeof TenantSettingsPatch>;

/**
 * Where a value comes from: what Reeve does by itself, the tenant's own section of the file, the file's section `default`, or
 * what was set through the API.
 */
export const POLICY_ORIGINS = ['default', 'file', 'file:default', 'override'] as const;
export const PolicyOrigin = z.enum(POLICY_ORIGINS);
export type PolicyOrigin = z.infer<typeof PolicyOrigin>;

/** What holds for a tenant. */
export const TenantPolicyView = z
  .object({
    fail_open: z.boolean(),
    budgets: z.record(z.string(), z.number().int()).describe(BUDGETS),
    budgets_usd: z.record(z.string(), z.string()).describe(BUDGETS_USD),
    rate_limits: z.object({ requests_per_minute: z.number().int(), concurrent_runs: z.number().int() }),
    routing: z.object({ allow: z.array(z.string()), deny: z.array(z.string()) }),
    tools: z.object({ allow: z.array(z.string()), deny: z.array(z.string()), approve: z.array(z.string()) }),
    egress: z.record(z.string(), z.array(z.string())).describe(EGRESS),
    memory: z
      .object({
        extract: z.boolean(),
        secrets: z.enum(['refuse', 'mask']),
        refuse: z.array(z.string()),
        mask: z.array(z.string()),
      })
      .describe(MEMORY),
  })
  .meta({ id: 'TenantPolicy' });
export type TenantPolicyView = z.infer<typeof TenantPolicyView>;

export const Tenant = z
  .object({
    id: z.string(),
    name: z.string(),
    policy: TenantPolicyView.describe('What holds, wherever it comes from.'),
    origins: z
      .record(z.string(), PolicyOrigin)
      .describe('Where each value of `policy` comes from, by its path: `rate_limits.requests_per_minute`.'),
    overrides: TenantSettings.describe('What was set through the API. It goes before the file.'),
    in_file: z.boolean().describe('The tenants file has a section of its name.'),
    updated_by: z.string().nullable().describe('Who set the overrides last.'),
    updated_at: Time.nullable(),
    created_at: Time,
  })
  .meta({ id: 'Tenant' });
export type Tenant = z.infer<typeof Tenant>;

const name = text(1, 200).describe('For people; the id unless given.');
export const TenantInput = z
  .strictObject({ id: TenantId, name: name.optional(), overrides: TenantSettings.optional() })
  .meta({ id: 'TenantInput' });
export type TenantInput = z.infer<typeof TenantInput>;

export const TenantPatch = z
  .strictObject({ name: name.optional(), overrides: TenantSettingsPatch.optional() })
  .meta({ id: 'TenantPatch' });
export type TenantPatch = z.infer<typeof TenantPatch>;

const params = z.strictObject({ id: TenantId });
const WHO = `Admins of the tenant \`default\`, who operate the installation, see and change every tenant; admins of any other tenant only their own.`;

export const listTenants = defineRoute({
  method: 'GET',
  path: '/api/v1/tenants',
  tag,
  access: 'admin',
  summary: 'Tenants by id, with what holds for each and where it comes from',
  description: WHO,
  query: z.strictObject({ ...paging, q: text(1, 200).optional().describe('Part of the id or the name.') }),
  responses: { 200: listOf('tenants', Tenant) },
});
export const createTenant = defineRoute({
  method: 'POST',
  path: '/api/v1/tenants',
  tag,
  access: 'admin',
  creates: true,
  summary: 'Make a tenant',
  description:
    'Only for admins of the tenant `default`. Tenants also come to be by the tenants file and by being named.',
  body: TenantInput,
  responses: { 201: Tenant },
});
export const getTenant = defineRoute({
  method: 'GET',
  path: '/api/v1/tenants/{id}',
  tag,
  access: 'admin',
  summary: 'One tenant',
  description: WHO,
  params,
  responses: { 200: Tenant },
});
export const updateTenant = defineRoute({
  method: 'PATCH',
  path: '/api/v1/tenants/{id}',
  tag,
  access: 'admin',
  summary: 'Rename a tenant, or set values that go before the file',
  description: `A value that is left out stays as it is; null takes an override away, so that the file’s value holds again. Every process heeds it within five seconds. ${WHO}`,
  params,
  body: TenantPatch,
  responses: { 200: Tenant },
});
export const putTenantOverrides = defineRoute({
  method: 'PUT',
  path: '/api/v1/tenants/{id}',
  tag,
  access: 'admin',
  summary: 'Set all overrides of a tenant at once; those that are not given are taken away',
  description: WHO,
  params,
  body: TenantSettings,
  responses: { 200: Tenant },
});
export const deleteTenantOverrides = defineRoute({
  method: 'DELETE',
  path: '/api/v1/tenants/{id}/overrides',
  tag,
  access: 'admin',
  summary: 'Take all overrides of a tenant away: the file’s values hold again',
  description: WHO,
  params,
  responses: { 204: null },
});
