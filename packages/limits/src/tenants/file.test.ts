import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { composePolicy } from '../policy/policy.ts';
import { parseTenants } from './file.ts';

const EXAMPLE = `default:
  fail_open: true
  budgets: {default: 0}
  routing: {allow: [], deny: []}
enterprise:
  fail_open: false
  budgets: {default: 500000, qa_bot: 750000}
  budgets_usd: {default: "250.00"}
  rate_limits: {requests_per_minute: 1200, concurrent_runs: 20}
  routing: {allow: ["meta-llama/*"], deny: [experimental-expensive-model]}
  tools: {allow: ["*"], deny: [bash_execute], approve: [web_crawl]}
`;

it('a tenants file says everything that the contract shows', () => {
  const { sections, problems } = parseTenants(EXAMPLE);
  assert.deepEqual(problems, []);
  assert.deepEqual([...sections.keys()], ['default', 'enterprise']);
  assert.equal(sections.get('enterprise')?.budgets?.['qa_bot'], 750_000);
  assert.deepEqual(sections.get('enterprise')?.rate_limits, { requests_per_minute: 1_200, concurrent_runs: 20 });
});

it('the tenants file that is shipped changes nothing, and so does its example when it is read', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../../conf/tenants.yaml'), 'utf8');
  const { sections, problems } = parseTenants(text);
  assert.deepEqual([problems, [...sections.keys()]], [[], ['default']]);
  const shipped = composePolicy('acme', [{ origin: 'file:default', settings: sections.get('default')! }]);
  assert.deepEqual(shipped.settings, composePolicy('acme', []).settings);
  const example = text.slice(text.indexOf('# enterprise')).replace(/^# /gm, '');
  assert.deepEqual(parseTenants(example).problems, []);
  assert.deepEqual(parseTenants(example).sections.get('enterprise'), {
    ...parseTenants(EXAMPLE).sections.get('enterprise'),
    egress: { python_execute: ['pypi.org', 'files.pythonhosted.org'] },
  });
});

const broken: [string, string, [number, RegExp][]][] = [
  ['is empty', '', [[1, /the least is "default: \{\}"/]]],
  ['holds only comments', '# soon\n', [[1, /the least is/]]],
  ['is a list', '- default\n', [[1, /a mapping of tenants/]]],
  ['is no YAML', 'default: {\n', [[2, /must be sufficiently indented/]]],
  ['names a tenant twice', 'a: {}\na: {}\n', [[2, /unique/]]],
  ['has a tenant of no content', 'a: {}\nb:\n', [[2, /b: must be a mapping/]]],
  ['has a name that no tenant can have', '"a b": {}\n', [[1, /a b: must be 1 to 64 letters/]]],
  [
    'has fields that there are not',
    'a:\n  fail_opne: true\n  rate_limits:\n    request_per_minute: 3\n  colour: red\n',
    [
      [2, /a: there is no field fail_opne; did you mean fail_open\?/],
      [4, /a\.rate_limits: there is no field request_per_minute; did you mean requests_per_minute\?/],
      [5, /a: there is no field colour; known are fail_open, budgets/],
    ],
  ],
  [
    'has wrong values',
    'a:\n  budgets: {default: -1, qa: 1e99}\n  budgets_usd: {default: 250.00}\n  fail_open: perhaps\n  routing:\n    allow:\n      - ok\n      - ""\n',
    [
      [2, /a\.budgets\.default: must be a whole number of tokens, 0 \(unlimited\)/],
      [2, /a\.budgets\.qa: must be a whole number/],
      [3, /a\.budgets_usd\.default: must be dollars in quotes, such as "250\.00"/],
      [4, /a\.fail_open: must be true or false/],
      [8, /a\.routing\.allow\.1: must be 1 to 200 characters/],
    ],
  ],
  [
    'has patterns that are none',
    'a:\n  memory:\n    secrets: keep\n    refuse: [""]\n',
    [
      [3, /a\.memory\.secrets: must be refuse or mask/],
      [4, /a\.memory\.refuse\.0: must be 1 to 200 characters/],
    ],
  ],
  [
    'has patterns that cannot be compiled',
    'a:\n  memory:\n    refuse: ["EMP-\\\\d+"]\n    mask:\n      - "(?=x)"\n',
    [[5, /a\.memory\.mask\.0: is no regular expression as RE2 reads them/]],
  ],
  ['names a persona by a path', 'a:\n  budgets: {x.y: 1}\n', [[2, /must be default, or the name or id of a persona/]]],
];
for (const [what, text, expected] of broken) {
  it(`a tenants file that ${what} is told of by line`, () => {
    const { problems } = parseTenants(text);
    assert.deepEqual(
      problems.map(({ line }) => line),
      expected.map(([line]) => line),
      JSON.stringify(problems),
    );
    for (const [index, { message }] of problems.entries()) assert.match(message, expected[index]![1]);
  });
}

it('a tenants file that unfolds to far too much is refused', () => {
  const lines = ['a: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 9; level += 1)
    lines.push(`a${level}: &a${level} [${Array.from({ length: 9 }, () => `*a${level - 1}`).join(', ')}]`);
  const startedAt = performance.now();
  assert.match(parseTenants(lines.join('\n')).problems[0]!.message, /alias/i);
  assert.ok(performance.now() - startedAt < 2_000);
});
