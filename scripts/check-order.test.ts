import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { checkOrder } from './check-order.ts';

type Tree = Record<string, { needs?: string[]; files: Record<string, string> }>;

function check(tree: Tree): string[] {
  const root = mkdtempSync(join(tmpdir(), 'reeve-order-'));
  try {
    for (const [name, { needs = [], files }] of Object.entries(tree)) {
      const dependencies = Object.fromEntries(needs.map((dependency) => [dependency, '1.0.0']));
      write(
        join(root, 'packages', name, 'package.json'),
        JSON.stringify({ name: `@reeve/${name}`, dependencies }, null, 2),
      );
      for (const [path, text] of Object.entries(files)) write(join(root, 'packages', name, 'src', path), text);
    }
    return checkOrder(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

test('a tree in order has no breach', () => {
  const breaches = check({
    contract: {
      needs: ['zod'],
      files: { 'index.ts': "export * from './route.ts';", 'route.ts': "import { z } from 'zod';" },
    },
    db: {
      needs: ['@reeve/contract', '@types/pg'],
      files: {
        'open.ts': "import 'node:fs';\nimport { a } from '@reeve/contract';\nimport type { Pool } from 'pg';",
        'open.test.ts':
          "import { t } from '@reeve/testing';\nimport '@reeve/testing/database';\nimport '../test/rows.ts';",
      },
    },
    testing: { needs: ['@reeve/server'], files: { 'start.ts': "import '@reeve/server';" } },
    console: { needs: ['@reeve/client'], files: { 'main.tsx': "import { c } from '@reeve/client';" } },
  });
  assert.deepEqual(breaches, []);
});

test('an import of a package further down is named with its file and line', () => {
  const [source, manifest] = [
    check({ db: { files: { 'open.ts': "// first\nimport { run } from '@reeve/runs';" } } }),
    check({ db: { needs: ['zod', '@reeve/runs'], files: {} } }),
  ];
  assert.deepEqual(source, ['packages/db/src/open.ts:2 imports @reeve/runs: runs stands below db in the order']);
  assert.deepEqual(manifest, ['packages/db/package.json:5 depends on @reeve/runs: runs stands below db in the order']);
});

test('leaves and the composition root are imported by nobody', () => {
  const needs = ['@reeve/server'];
  assert.match(check({ gateway: { needs, files: {} } })[0] ?? '', /server stands below gateway/);
  assert.match(check({ server: { files: { 'a.ts': "import '@reeve/console';" } } })[0] ?? '', /console is a leaf/);
  assert.match(
    check({ server: { files: { 'a.ts': "import '@reeve/testing';" } } })[0] ?? '',
    /only tests import testing/,
  );
  assert.match(check({ console: { needs: ['@reeve/db'], files: {} } })[0] ?? '', /imports only contract and client/);
});

test('what is imported is declared by the package itself', () => {
  const files = { 'a.ts': "import { z } from 'zod/v4';\nimport type { P } from '@scope/name/deep';" };
  assert.deepEqual(check({ kit: { files } }), [
    'packages/kit/src/a.ts:1 imports zod/v4: packages/kit/package.json does not list zod',
    'packages/kit/src/a.ts:2 imports @scope/name/deep: packages/kit/package.json does not list @scope/name',
  ]);
  assert.deepEqual(check({ kit: { needs: ['zod', '@types/scope__name'], files } }), []);
});

test('a relative path stays inside its package and goes around its index', () => {
  assert.match(check({ kit: { files: { 'a.ts': "import '../../db/src/open.ts';" } } })[0] ?? '', /leaves the package/);
  assert.match(
    check({ kit: { files: { 'a.ts': "import '../../testing/src/b.ts';" } } })[0] ?? '',
    /leaves the package/,
  );
  assert.match(
    check({ kit: { files: { 'a.ts': "import '../test/rows.ts';" } } })[0] ?? '',
    /only tests import what stands in the folder test/,
  );
  assert.match(
    check({ kit: { files: { 'deep/a.ts': "export * from '../index.ts';" } } })[0] ?? '',
    /imports its index/,
  );
  assert.match(check({ kit: { files: { 'a.ts': "import '@reeve/kit';" } } })[0] ?? '', /does not import itself/);
  assert.deepEqual(check({ kit: { files: { 'deep/a.ts': "export * from './index.ts';" } } }), []);
});

test('contract imports nothing of Node outside its tests', () => {
  assert.match(
    check({ contract: { files: { 'a.ts': "import { join } from 'node:path';" } } })[0] ?? '',
    /nothing of Node/,
  );
  assert.deepEqual(check({ contract: { files: { 'a.test.ts': "import { test } from 'node:test';" } } }), []);
});

test('a package without a place in the order is named', () => {
  assert.match(check({ extra: { files: {} } })[0] ?? '', /extra has no place in the order/);
});

test('files of a package that import each other in a circle are named, also where only types are imported', () => {
  const circle = {
    'a.ts': "import { b } from './deep/b.ts';",
    'deep/b.ts': "import { c } from '../c.ts';",
    'c.ts': "import type { A } from './a.ts';",
    'user.ts': "import { a } from './a.ts';",
    'self.ts': "import type { Self } from './self.ts';",
  };
  assert.deepEqual(check({ kit: { files: circle } }), [
    'packages/kit/src/a.ts:1 is in a circle of imports: packages/kit/src/a.ts → packages/kit/src/deep/b.ts → packages/kit/src/c.ts → packages/kit/src/a.ts',
    'packages/kit/src/self.ts:1 is in a circle of imports: packages/kit/src/self.ts → packages/kit/src/self.ts',
  ]);
});
