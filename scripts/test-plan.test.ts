import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { keyOf, planJobs, readNeeds } from './test-plan.ts';

const root = join(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const files = globSync(['packages/*/src/**/*.test.{ts,tsx}', 'e2e/**/*.test.ts', 'scripts/**/*.test.ts'], {
  cwd: root,
});

test('a file says before its first import on which databases it runs and whether it shares a process', () => {
  const imports = "import { test } from 'node:test';\n";
  assert.deepEqual(readNeeds(imports), { databases: ['PGlite'], isAlone: false });
  assert.deepEqual(readNeeds(`// runs on: both databases\n${imports}`).databases, ['PGlite', 'PostgreSQL']);
  assert.deepEqual(readNeeds(`// runs on: both databases, and behind PgBouncer\n${imports}`).databases, [
    'PGlite',
    'PostgreSQL',
    'PgBouncer',
  ]);
  assert.deepEqual(readNeeds(`// runs on: PostgreSQL\n// runs in: its own process\n${imports}`), {
    databases: ['PostgreSQL'],
    isAlone: true,
  });
  assert.deepEqual(readNeeds(`${imports}// runs on: both databases\n`).databases, ['PGlite']);
  assert.throws(() => readNeeds(`// runs on: MySQL\n${imports}`), /"\/\/ runs on: MySQL" is none of/);
});

test('the longest runs begin first, and one database alone takes every file', () => {
  const both = 'packages/tasks/src/queue/queue.test.ts';
  const one = 'scripts/test-plan.test.ts';
  const durations = {
    [keyOf({ file: both, database: 'PostgreSQL' })]: 9_000,
    [keyOf({ file: one, database: 'PGlite' })]: 500,
  };
  assert.deepEqual(planJobs(root, [one, both], undefined, durations).map(keyOf), [
    `PostgreSQL: ${both}`,
    `PGlite: ${both}`,
    `PGlite: ${one}`,
  ]);
  assert.deepEqual(
    planJobs(root, [one, both], 'PostgreSQL', {}).map(({ database }) => database),
    ['PostgreSQL', 'PostgreSQL'],
  );
});

test('every test file of a domain that opens a database runs on both', () => {
  const domains = /^packages\/(agents|audit|db|memory|runs|tasks|identity|ledger|limits|retrieval)\//;
  const opens = /openTestDatabase\(|openTestEngine\(|createTestDatabase\(/;
  // They are about PGlite, or about what PostgreSQL and PGlite cannot differ in: the catalog of the migrated tables.
  const excepted = ['packages/db/src/sqlstate.test.ts', 'packages/db/src/tables.test.ts'];
  const missing = files.filter(
    (file) => domains.test(file) && opens.test(read(file)) && !readNeeds(read(file)).databases.includes('PostgreSQL'),
  );
  assert.deepEqual(missing.sort(), excepted);
});

test('every property takes the number of its cases and its seed from cases()', () => {
  const bare = files.filter((file) => {
    const calls = read(file).match(/\bfc\.(assert|check)\(/g)?.length ?? 0;
    return calls > (read(file).match(/\bcases\(/g)?.length ?? 0);
  });
  assert.deepEqual(
    bare.filter((file) => file !== 'scripts/test-plan.test.ts'),
    [],
  );
});

test('files share a process, browser tests another, unless they say that they need their own', () => {
  const processOf = (file: string) => planJobs(root, [file], 'PGlite', {})[0]!.process;
  assert.equal(processOf('packages/http/src/server.test.ts'), 'shared');
  assert.equal(processOf('packages/console/src/console.browser.test.ts'), 'browser');
  assert.equal(processOf('packages/tools/src/registry.test.ts'), 'own');
});
