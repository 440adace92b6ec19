import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { buildConsole, findChromium, SUITE_MS } from '../test/browser.ts';

const dist = join(import.meta.dirname, '../dist');
const ENTRY_KB = 200;
const STYLES_KB = 40;
const ROUTE_KB = 110;

describe(
  'what a page has to load',
  { skip: findChromium(process.env['REEVE_CHROMIUM']).missing, timeout: SUITE_MS },
  () => {
    before(buildConsole);

    it(`is at most ${ENTRY_KB} kB of script at first, and ${STYLES_KB} kB of styles`, () => {
      const entry = reach(entryFiles());
      assert.ok(sizeOf(entry, '.js') <= ENTRY_KB, `${sizeOf(entry, '.js')} kB of script`);
      assert.ok(sizeOf(entry, '.css') <= STYLES_KB, `${sizeOf(entry, '.css')} kB of styles`);
    });

    it(`is at most ${ROUTE_KB} kB of script more for any page`, () => {
      const entry = reach(entryFiles());
      const pages = readdirSync(join(dist, 'assets')).filter((name) =>
        /^(approvals|audit|chat|keys|knowledge|mcp|memory|persona|playbooks|run|runs|schedules|settings|sign-in|skills|tasks|tenant|tenants|tools|usage)-[\w-]{8}\.js$/.test(
          name,
        ),
      );
      assert.ok(pages.length >= 20, pages.join(' '));
      for (const page of pages) {
        const more = new Set([...reach([page])].filter((name) => !entry.has(name)));
        assert.ok(sizeOf(more, '.js') <= ROUTE_KB, `${page}: ${sizeOf(more, '.js')} kB`);
      }
    });
  },
);

const entryFiles = (): string[] =>
  [...readFileSync(join(dist, 'index.html'), 'utf8').matchAll(/\/assets\/([\w.-]+)"/g)].map((match) => match[1]!);

/** Some files and all that they import at once, as opposed to when it is needed. */
function reach(files: readonly string[], found = new Set<string>()): Set<string> {
  for (const file of files) {
    if (found.has(file)) continue;
    found.add(file);
    if (file.endsWith('.js')) {
      const text = readFileSync(join(dist, 'assets', file), 'utf8');
      const imports = [...text.matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)].map((match) => match[1]!);
      reach(imports, found);
    }
  }
  return found;
}

/** Kilobytes of those that end so, as they travel. */
function sizeOf(files: Iterable<string>, extension: string): number {
  const bytes = [...files]
    .filter((name) => name.endsWith(extension))
    .reduce((sum, name) => sum + gzipSync(readFileSync(join(dist, 'assets', name))).length, 0);
  return Math.round(bytes / 100) / 10;
}
