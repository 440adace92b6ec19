import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TenantPatch, type Tenant } from '@reeve/contract';
import { changesOf, draftOf, pathOfFault, type PolicyDraft } from './policy-draft.ts';
import { budgetFields, countOverrides, personasOf, POLICY_GROUPS } from './policy-groups.ts';

const tenant: Pick<Tenant, 'policy' | 'origins'> = {
  policy: {
    fail_open: true,
    budgets: { default: 500_000, qa_bot: 10 },
    budgets_usd: { default: '250.00', ada: '1' },
    rate_limits: { requests_per_minute: 60, concurrent_runs: 0 },
    routing: { allow: ['meta-llama/*'], deny: [] },
    tools: { allow: [], deny: ['bash_execute'], approve: [] },
    egress: { default: [] },
    memory: { extract: false, secrets: 'refuse', refuse: [], mask: [] },
  },
  origins: {
    'budgets.default': 'file',
    'budgets.qa_bot': 'override',
    'rate_limits.requests_per_minute': 'override',
    'tools.deny': 'file:default',
  },
};
const fields = POLICY_GROUPS.flatMap((group) => group.fieldsOf(tenant));
const initial = draftOf(tenant, fields);
const changed = (part: PolicyDraft, among = fields) => changesOf(among, initial, { ...initial, ...part });

test('every value of a policy has a place in a form, whatever personas it names', () => {
  assert.deepEqual(personasOf(tenant.policy), ['default', 'ada', 'qa_bot']);
  const paths = fields.map(({ path }) => path);
  const leaves = Object.entries(tenant.policy).flatMap(([name, value]) =>
    typeof value === 'object' ? Object.keys(value).map((leaf) => `${name}.${leaf}`) : [name],
  );
  for (const path of leaves) assert.ok(paths.includes(path), path);
  assert.equal(new Set(paths).size, paths.length);
  assert.equal(countOverrides(tenant), 2);
});

test('nothing is changed by a form that was only looked at', () => {
  assert.deepEqual(changed({}), { overrides: {} });
  assert.deepEqual(changed({ 'budgets.default': { text: '500000', own: false } }), { overrides: {} });
});

test('what is typed becomes an override, as the server reads it, and null takes one away', () => {
  const own = (text: string) => ({ text, own: true });
  const read = changed({
    'budgets.default': own('1,000 000'),
    'budgets.qa_bot': { text: '', own: false },
    'budgets_usd.default': own('$ 1,250.50'),
    'rate_limits.concurrent_runs': own('5'),
    'routing.deny': own(' gpt-* \n\n o3'),
    'tools.deny': own(''),
    fail_open: own('false'),
    'memory.extract': own('true'),
    'memory.secrets': own('mask'),
    'memory.refuse': own('(?i)project nightfall\n\n code \\d'),
  });
  assert.deepEqual(read, {
    overrides: {
      budgets: { default: 1_000_000, qa_bot: null },
      budgets_usd: { default: '1250.50' },
      rate_limits: { concurrent_runs: 5 },
      routing: { deny: ['gpt-*', 'o3'] },
      tools: { deny: [] },
      fail_open: false,
      memory: { extract: true, secrets: 'mask', refuse: ['(?i)project nightfall', ' code \\d'] },
    },
  });
  assert.ok(TenantPatch.safeParse(read).success);
});

test('a persona that is added has its two budgets', () => {
  const added = budgetFields('scout');
  assert.deepEqual(changed({ 'budgets.scout': { text: '7', own: true } }, [...fields, ...added]), {
    overrides: { budgets: { scout: 7 } },
  });
});

test('what is no number is said where it stands', () => {
  const wrong = (text: string) => changed({ 'budgets.default': { text, own: true } });
  assert.deepEqual(wrong('a lot'), { faults: { 'budgets.default': 'must be a whole number' } });
  assert.deepEqual(wrong('1.5'), { faults: { 'budgets.default': 'must be a whole number' } });
  assert.match(JSON.stringify(wrong(' ')), /give a number/);
  const never = changed({ 'memory.secrets': { text: 'never', own: true } });
  assert.match(JSON.stringify(never), /memory.secrets.*choose one/);
  assert.equal(pathOfFault('overrides.tools.deny[0]'), 'tools.deny');
  assert.equal(pathOfFault('overrides.budgets_usd.default'), 'budgets_usd.default');
});
