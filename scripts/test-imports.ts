// Which test files can share a process: those that cannot leave anything open in it, by what they import.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { findImports } from './imports.ts';

/** Modules that open no process, thread, socket, server, database or browser, neither when they are loaded nor when they are used. */
const harmless = new Set([
  'fast-check',
  'node:assert/strict',
  'node:async_hooks',
  'node:buffer',
  'node:crypto',
  'node:fs',
  'node:fs/promises',
  'node:module',
  'node:os',
  'node:path',
  'node:test',
  'node:timers/promises',
  'node:url',
  'node:util',
  'picomatch',
  'yaml',
  'zod',
]);

/** Tells of a file whether all that it imports, itself or through others, is harmless. Remembers what it has read. */
export function createPurityCheck(): (path: string) => boolean {
  const imported = new Map<string, string[]>();
  const importsOf = (path: string): string[] => {
    const known = imported.get(path);
    if (known !== undefined) return known;
    const { resolve } = createRequire(path);
    const found = findImports(readFileSync(path, 'utf8'))
      .filter(({ isTypeOnly }) => !isTypeOnly)
      .map(({ specifier }) => (/^\.|^@reeve\//.test(specifier) ? resolve(specifier) : specifier));
    imported.set(path, found);
    return found;
  };
  return (path) => {
    const seen = new Set([path]);
    for (const at of seen) {
      for (const found of importsOf(at)) {
        if (harmless.has(found)) continue;
        if (!/\.[mc]?[jt]sx?$/.test(found)) return false;
        seen.add(found);
      }
    }
    return true;
  };
}
