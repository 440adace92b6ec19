// Keeps the house's order: a package imports only from the packages above it in the list, declares what it imports, and
// stays inside its folder. Run by `npm run check`; prints one line a breach and exits with 1.
import { existsSync, globSync, readFileSync, readdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { findImports } from './imports.ts';
import type { Import } from './imports.ts';

/** The packages, from the one that imports none of the others down to the one that may import them all. */
export const order = [
  'contract',
  'kit',
  'client',
  'db',
  'bus',
  'http',
  'rpc',
  'audit',
  'identity',
  'limits',
  'ledger',
  'tasks',
  'sandbox',
  'pools',
  'models',
  'retrieval',
  'documents',
  'memory',
  'tools',
  'mcp',
  'skills',
  'extensions',
  'agents',
  'runs',
  'crew',
  'delegation',
  'gateway',
  'reeve',
];

/** The end-to-end tests, a package of tests alone, stand at the root. */
const END_TO_END = 'e2e';

// Leaves: what they may import themselves. Nobody imports them, except tests the package `testing`.
const leaves: Record<string, string[]> = {
  console: ['contract', 'client'],
  testing: order,
  [END_TO_END]: [...order, 'testing'],
};

interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  path: string;
  name: string;
  isTest: boolean;
}

if (process.argv[1] === import.meta.filename) {
  const breaches = checkOrder(join(import.meta.dirname, '..'));
  for (const breach of breaches) console.error(breach);
  process.exitCode = breaches.length > 0 ? 1 : 0;
}

/** Every breach of the order in the repository at `root`, as `file:line what is wrong`; none on a healthy tree. */
export function checkOrder(root: string): string[] {
  const names = [...readdirSync(join(root, 'packages')), END_TO_END].filter((name) =>
    existsSync(join(root, homeOf(name), 'package.json')),
  );
  return names.sort().flatMap((name) => checkPackage(root, name));
}

function homeOf(name: string): string {
  return name === END_TO_END ? END_TO_END : `packages/${name}`;
}

function checkPackage(root: string, name: string): string[] {
  const home = homeOf(name);
  if (!order.includes(name) && !(name in leaves)) {
    return [`${home}/package.json:1 ${name} has no place in the order; give it one in scripts/check-order.ts`];
  }
  const manifest = readFileSync(join(root, home, 'package.json'), 'utf8');
  const declared = readDependencies(manifest);
  const lineOf = (dependency: string): number =>
    manifest.slice(0, Math.max(0, manifest.indexOf(`"${dependency}":`))).split('\n').length;
  const breaches = [...declared].flatMap((dependency) => {
    const problem = dependency.startsWith('@reeve/')
      ? checkWorkspace(name, dependency.slice(7), name === END_TO_END)
      : undefined;
    return problem === undefined
      ? []
      : [`${home}/package.json:${lineOf(dependency)} depends on ${dependency}: ${problem}`];
  });
  const sources = name === END_TO_END ? `${home}/**/*.{ts,tsx}` : `${home}/{src,test}/**/*.{ts,tsx}`;
  for (const source of globSync(sources, { cwd: root }).sort()) {
    const path = source.replaceAll('\\', '/');
    const file = { path, name, isTest: isTest(path) };
    for (const found of findImports(readFileSync(join(root, path), 'utf8'))) {
      const problem = checkImport(file, found, declared);
      if (problem !== undefined) breaches.push(`${path}:${found.line} imports ${found.specifier}: ${problem}`);
    }
  }
  return breaches;
}

/** Whether only tests load a file: a test, or what stands in a package's folder `test`. */
function isTest(path: string): boolean {
  return /\.test\.tsx?$|^(e2e|packages\/[^/]+\/test)\//.test(path);
}

function readDependencies(manifest: string): Set<string> {
  const { dependencies, devDependencies, peerDependencies, optionalDependencies } = JSON.parse(manifest) as Record<
    string,
    Record<string, string> | undefined
  >;
  return new Set(
    [dependencies, devDependencies, peerDependencies, optionalDependencies].flatMap((group) =>
      Object.keys(group ?? {}),
    ),
  );
}

function checkImport(file: SourceFile, { specifier, isTypeOnly }: Import, declared: Set<string>): string | undefined {
  if (specifier.startsWith('.')) return checkRelative(file, specifier);
  if (specifier.startsWith('node:') || builtinModules.includes(specifier)) {
    return file.name === 'contract' && !file.isTest
      ? 'contract runs in a browser too and imports nothing of Node'
      : undefined;
  }
  const dependency = packageOf(specifier);
  if (dependency.startsWith('@reeve/')) {
    const other = dependency.slice(7);
    const problem = checkWorkspace(file.name, other, file.isTest);
    if (problem !== undefined || other === 'testing') return problem;
  }
  const isDeclared = declared.has(dependency) || (isTypeOnly && declared.has(typesOf(dependency)));
  return isDeclared ? undefined : `${homeOf(file.name)}/package.json does not list ${dependency}`;
}

function checkRelative(file: SourceFile, specifier: string): string | undefined {
  const target = join(dirname(file.path), specifier).replaceAll('\\', '/');
  const home = homeOf(file.name);
  if (target === `${home}/src/index.ts`) return 'nothing inside a package imports its index.ts; import the file itself';
  if (!relative(home, target).startsWith('..')) {
    const leadsToTests = target.startsWith(`${home}/test/`) && !file.isTest;
    return leadsToTests ? 'only tests import what stands in the folder test' : undefined;
  }
  return 'the path leaves the package; import the other package by its name';
}

function checkWorkspace(name: string, other: string, isTest: boolean): string | undefined {
  if (other === name) return 'a package does not import itself by name; import the file itself';
  if (other === 'console') return 'console is a leaf, nobody imports it';
  if (other === END_TO_END) return 'e2e is a leaf, nobody imports it';
  if (other === 'testing') return isTest ? undefined : 'only tests import testing';
  if (!order.includes(other)) return `${other} has no place in the order; give it one in scripts/check-order.ts`;
  const allowed = leaves[name];
  if (allowed) return allowed.includes(other) ? undefined : `${name} imports only ${allowed.join(' and ')}`;
  return order.indexOf(other) < order.indexOf(name) ? undefined : `${other} stands below ${name} in the order`;
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

function typesOf(dependency: string): string {
  return `@types/${dependency.replace(/^@/, '').replace('/', '__')}`;
}
