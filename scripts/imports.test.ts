import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findImports } from './imports.ts';

const specifiers = (source: string): string[] => findImports(source).map(({ specifier }) => specifier);

test('every form of import and export is found, with its line', () => {
  const source = [
    "import 'side-effect';",
    "import one from 'one';",
    "import * as all from 'all';",
    'import { two,',
    "  type Three } from '@scope/two/part';",
    "import type { Four } from './four.ts';",
    "export * from '../five.ts';",
    "export { six }from'six';",
    "export type { Seven } from 'seven';",
    "const eight = await import('eight');",
    "type Nine = import('nine').Nine;",
  ].join('\n');
  assert.deepEqual(
    findImports(source).map(({ specifier, line }) => [specifier, line]),
    [
      ['side-effect', 1],
      ['one', 2],
      ['all', 3],
      ['@scope/two/part', 5],
      ['./four.ts', 6],
      ['../five.ts', 7],
      ['six', 8],
      ['seven', 9],
      ['eight', 10],
      ['nine', 11],
    ],
  );
  assert.deepEqual(
    findImports(source)
      .filter(({ isTypeOnly }) => isTypeOnly)
      .map(({ specifier }) => specifier),
    ['./four.ts', 'seven'],
  );
});

test('code quoted in comments, strings and template literals is not an import', () => {
  assert.deepEqual(specifiers(`const code = 'import("a")';\nconst more = "import 'b'";`), []);
  assert.deepEqual(specifiers("// import 'a';\n/*\nimport 'b';\n*/\n"), []);
  assert.deepEqual(
    specifiers("const code = `\nimport c from 'c';\n${name(`import 'd'`)}\nimport 'e';\n`;\nimport 'f';"),
    ['f'],
  );
});

test('quotes and slashes inside regular expressions and strings do not hide what follows', () => {
  assert.deepEqual(specifiers("const quote = /[/'`]/g;\nconst url = 'https://x';\nconst half = a / b;\nimport 'g';"), [
    'g',
  ]);
  assert.deepEqual(specifiers("const tick = text.split(/`/);\nimport 'h';"), ['h']);
});

test('words and values that only look like imports are left alone', () => {
  assert.deepEqual(
    specifiers("export const from = 'x';\nexport type Kind = 'a' | 'b';\nexport function f(a: 'c') {}"),
    [],
  );
});
