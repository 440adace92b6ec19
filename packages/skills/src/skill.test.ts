import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { foldersOf, parseSkill, promptOf, type Skill } from './skill.ts';

const problemsOf = (text: string, folder = 'tidy') => {
  const parsed = parseSkill(folder, text);
  return 'problems' in parsed ? parsed.problems.map(({ line, message }) => `${line}: ${message}`) : [];
};
const withFields = (...lines: string[]) =>
  ['---', 'name: tidy', 'description: Tidies.', ...lines, '---', 'Do.'].join('\n');

describe('a SKILL.md', () => {
  it('is front matter and instructions', () => {
    const text = `---
name: tidy
description: |
  Tidies up.
  Use it for mess.
license: MIT
compatibility: Needs git.
metadata:
  author: ada
  version: "1.0"
allowed-tools: read_file  Bash(git:*)
---

# Tidy

---
Not front matter any more.
`;
    assert.deepEqual(parseSkill('tidy', text), {
      name: 'tidy',
      description: 'Tidies up. Use it for mess.',
      license: 'MIT',
      compatibility: 'Needs git.',
      metadata: { author: 'ada', version: '1.0' },
      allowedTools: ['read_file', 'Bash(git:*)'],
      body: '# Tidy\n\n---\nNot front matter any more.',
    });
    assert.deepEqual(parseSkill('tidy', withFields().replaceAll('\n', '\r\n')), {
      name: 'tidy',
      description: 'Tidies.',
      license: null,
      compatibility: null,
      metadata: {},
      allowedTools: [],
      body: 'Do.',
    });
  });

  it('that is none is told with the lines of its faults', () => {
    assert.deepEqual(problemsOf('# Tidy'), ['1: it must begin with front matter: YAML between two lines of ---']);
    assert.deepEqual(problemsOf('---\nname: tidy\n'), [
      '1: it must begin with front matter: YAML between two lines of ---',
    ]);
    assert.deepEqual(problemsOf('---\n---\n'), ['2: name: is missing', '2: description: is missing']);
    assert.deepEqual(problemsOf('---\n- a\n---\n'), ['2: the front matter must be a mapping of fields']);
    assert.deepEqual(problemsOf(withFields('metadata:', '  version: 1.0')), [
      '5: metadata.version: must be text; put it in quotes',
    ]);
    assert.deepEqual(problemsOf(withFields('version: 1', 'license: 7', 'compatibility: ""')), [
      '4: there is no field version; known are name, description, license, compatibility, metadata, allowed-tools. What is your own goes below metadata',
      '5: license: must be text',
      '6: compatibility: must not be empty',
    ]);
    assert.match(problemsOf(withFields('license: "open')).join(), /^\d: Missing closing "quote/);
    assert.match(
      problemsOf('---\nname: tidy\nname: tidy\ndescription: x\n---\n').join(),
      /^3: Map keys must be unique/,
    );
  });

  it('has a name by the rules, that of its folder, and a description that says something', () => {
    const named = (name: string, folder = name) => problemsOf(`---\nname: "${name}"\ndescription: x\n---\n`, folder);
    for (const name of ['a', '7', 'pdf-tools', 'a'.repeat(64)]) assert.deepEqual(named(name), []);
    for (const name of ['', 'Tidy', 'tidy_up', '-tidy', 'tidy-', 'ti--dy', 'a'.repeat(65), '../tidy', 'tïdy'])
      assert.match(named(name).join(), /^2: name: must be /, name);
    assert.deepEqual(named('tidy', 'tidier'), ['2: name: must be tidier, as the folder is called, not tidy']);
    assert.match(problemsOf('---\nname: tidy\ndescription: "  "\n---\n').join(), /^3: description: must say what/);
    const long = (length: number) => problemsOf(`---\nname: tidy\ndescription: ${'x'.repeat(length)}\n---\n`);
    assert.deepEqual(long(1_024), []);
    assert.deepEqual(long(1_025), ['3: description: must be at most 1024 characters']);
  });
});

describe('the prompt of skills', () => {
  const skill = { name: 'tidy', description: 'Tidies.', folder: '/somewhere/tidy' } as Skill;

  it('says each with its description, and is empty without any', () => {
    assert.match(promptOf([skill, { ...skill, name: 'web' }]), /read_skill.*\n- tidy: Tidies\.\n- web: Tidies\.$/s);
    assert.equal(promptOf([]), '');
    assert.deepEqual(foldersOf([skill]), [{ path: '/somewhere/tidy', at: '/skills/tidy' }]);
  });
});

describe('a built-in skill', () => {
  const builtin = join(import.meta.dirname, '../builtin');

  it('names only tools that there are', async () => {
    const folder = join(import.meta.dirname, '../../tools/src/builtin');
    const tools = new Set((await readdir(folder)).map((file) => file.replace(/\.ts$/, '').replaceAll('-', '_')));
    for (const name of await readdir(builtin)) {
      const parsed = parseSkill(name, await readFile(join(builtin, name, 'SKILL.md'), 'utf8'));
      assert.ok('body' in parsed, name);
      const named = [...parsed.body.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map(([, word]) => word!);
      const args = new Set(['old_text', 'replace_all', 'next_offset', 'timeout_ms', 'max_pages']);
      const unknown = named.filter((word) => !tools.has(word) && !args.has(word));
      assert.deepEqual(unknown, [], name);
      assert.ok(named.length > 5, name);
    }
  });
});
