import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { checkPage } from './check-links.ts';

function check(page: string, files: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'reeve-links-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return checkPage(root, page);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test('a page whose links, anchors and source files exist has no fault', () => {
  const page = [
    '[more](b.md#the-second-part-2) and [here](#top) and [folder](../docs) and [out](https://example.com/x) and [route](/docs)',
    '<img src="images/a.png">, `db/src/open.ts` and `packages/db/src/open.ts`',
    '```',
    '[not read](nowhere.md)',
    '```',
    '`[nor this](nowhere.md)`',
    '# Top',
  ].join('\n');
  const files = {
    'docs/a.md': page,
    'docs/b.md': '# The second part (2)',
    'docs/images/a.png': '',
    'packages/db/src/open.ts': '',
  };
  assert.deepEqual(check('docs/a.md', files), []);
});

test('a link, an anchor and a source file that do not exist are named with their line', () => {
  const files = { 'README.md': '\n[gone](docs/gone.md)\n[part](b.md#gone)\n`db/src/gone.ts`', 'b.md': '# Here' };
  assert.deepEqual(check('README.md', files), [
    'README.md:2 links to docs/gone.md, which does not exist',
    'README.md:3 links to b.md#gone, but b.md has no such heading',
    'README.md:4 names db/src/gone.ts, which does not exist',
  ]);
});

test("a package's README names its own files from its folder", () => {
  const files = { 'packages/db/README.md': '`src/open.ts` and `db/src/open.ts`', 'packages/db/src/open.ts': '' };
  assert.deepEqual(check('packages/db/README.md', files), []);
});
