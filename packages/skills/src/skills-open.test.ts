import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { silentLog, sleep } from '@reeve/kit';
import type { ToolContext } from '@reeve/tools';
import { readSkill } from './read-skill.ts';
import { openSkills, type Skills } from './skills-open.ts';

describe('skills', () => {
  let base: string;
  let directory: string;
  let skills: Skills;
  before(async () => void (base = await mkdtemp(join(tmpdir(), 'reeve-skills-'))));
  after(() => rm(base, { recursive: true, force: true }));
  beforeEach(async () => {
    directory = await mkdtemp(join(base, 'own-'));
    skills = await openSkills({ directory, log: silentLog, lookMs: 100 });
  });
  afterEach(() => skills[Symbol.asyncDispose]());

  const text = (name: string, description: string, body = 'Do.') =>
    `---\nname: ${name}\ndescription: ${description}\n---\n${body}\n`;
  async function write(name: string, content: string, file = 'SKILL.md'): Promise<void> {
    await mkdir(join(directory, name), { recursive: true });
    await writeFile(join(directory, name, file), content);
  }
  async function until(holds: () => boolean): Promise<void> {
    for (let tries = 0; !holds(); tries++) {
      assert.ok(tries < 600, JSON.stringify([skills.list(), skills.problems()]));
      await sleep(50);
    }
  }
  const names = () => skills.list().map(({ name }) => name);
  const saidOf = (name: string) => skills.get(name)?.description;

  it('come with three, which is all where the folder is missing', async () => {
    assert.deepEqual(names(), ['code', 'filesystem', 'web']);
    await using without = await openSkills({ directory: join(directory, 'no', 'such'), log: silentLog });
    assert.deepEqual([without.list().length, without.problems()], [3, []]);
  });

  it('appear, change and go with their folders', async () => {
    await write('tidy', text('tidy', 'First.'));
    await until(() => saidOf('tidy') === 'First.');
    assert.deepEqual(names(), ['code', 'filesystem', 'tidy', 'web']);
    await write('tidy', text('tidy', 'Second.'));
    await until(() => saidOf('tidy') === 'Second.');
    await rename(join(directory, 'tidy'), join(directory, '.put-aside'));
    await until(() => saidOf('tidy') === undefined);
  });

  it('are kept as they were by a change that breaks one, and it stops no other', async () => {
    await write('tidy', text('tidy', 'Good.', 'Old instructions.'));
    await write('broken', text('other', 'Never good.'));
    await until(() => saidOf('tidy') === 'Good.' && skills.problems().length === 1);
    await write('tidy', text('tidy', '"unclosed'));
    await write('new', text('new', 'Beside them.'));
    await until(() => skills.problems().length === 2 && saidOf('new') !== undefined);
    assert.equal(skills.get('tidy')?.body, 'Old instructions.');
    assert.equal(skills.get('broken'), undefined);
    assert.deepEqual(
      skills.problems().map(({ file, line }) => [file, line]),
      [
        ['broken/SKILL.md', 2],
        ['tidy/SKILL.md', 4],
      ],
    );
    await write('tidy', text('tidy', 'Mended.'));
    await until(() => saidOf('tidy') === 'Mended.' && skills.problems().length === 1);
  });

  it('of a folder without a SKILL.md, with one that is too large or leads elsewhere, are reported', async () => {
    await write('empty', 'x', 'other.md');
    await write('huge', text('huge', 'x', 'x'.repeat(101 * 1024)));
    await mkdir(join(directory, 'linked'));
    await writeFile(join(base, 'outside.md'), text('linked', 'x'));
    await symlink(join(base, 'outside.md'), join(directory, 'linked', 'SKILL.md'));
    await until(() => skills.problems().length === 3);
    const said = skills.problems().map(({ file, message }) => `${file} ${message}`);
    assert.match(said.join('\n'), /^empty.*does not exist\nhuge.*is larger than 102400 bytes\nlinked.*leads outside/);
    assert.deepEqual(names(), ['code', 'filesystem', 'web']);
  });

  it('of one’s own take the place of those that come with Reeve, once they are good', async () => {
    await write('code', 'broken');
    await until(() => skills.problems().length === 1);
    assert.equal(skills.get('code')?.source, 'builtin');
    await write('code', text('code', 'Mine.'));
    await until(() => saidOf('code') === 'Mine.');
    assert.equal(skills.get('code')?.source, 'user');
    await rm(join(directory, 'code'), { recursive: true });
    await until(() => skills.get('code')?.source === 'builtin');
  });

  describe('are read by the model', () => {
    const read = (input: Record<string, unknown>, had?: readonly string[]) => {
      const tool = readSkill(skills);
      const context = { skills: had, signal: new AbortController().signal } as ToolContext;
      return tool.execute(tool.input.parse(input), context);
    };
    beforeEach(async () => {
      await write('tidy', text('tidy', 'Tidies.', 'See references/how.md.'));
      await mkdir(join(directory, 'tidy', 'references'));
      await writeFile(join(directory, 'tidy', 'references', 'how.md'), 'Like this.');
      await writeFile(join(base, 'secret.txt'), 'not theirs');
      await symlink(join(base, 'secret.txt'), join(directory, 'tidy', 'out.txt'));
      await symlink('references', join(directory, 'tidy', 'refs'));
      await until(() => saidOf('tidy') !== undefined);
    });

    it('with their instructions first, and other files where they are asked for', async () => {
      const whole = { name: 'tidy', instructions: 'See references/how.md.', files: ['references/how.md'] };
      assert.deepEqual((await read({ name: 'tidy' }, ['tidy'])).result, whole);
      assert.deepEqual((await read({ name: 'tidy', path: 'SKILL.md' })).result, whole);
      for (const path of ['references/how.md', './references/how.md', 'refs/how.md'])
        assert.deepEqual((await read({ name: 'tidy', path })).result, { name: 'tidy', path, content: 'Like this.' });
    });

    it('as far as the agent has them, and no path leads out of the folder', async () => {
      await assert.rejects(read({ name: 'tidy' }, ['web', 'gone']), {
        message: 'there is no skill "tidy"; there are web',
      });
      await assert.rejects(read({ name: 'tidy' }, []), { message: 'there is no skill "tidy"; there are none' });
      await assert.rejects(read({ name: '../own' }), { reason: 'invalid_request' });
      await assert.rejects(read({ name: 'tidy', path: 'out.txt' }), {
        reason: 'invalid_request',
        message: /leads outside/,
      });
      await assert.rejects(read({ name: 'tidy', path: 'none.md' }), { message: /does not exist/ });
      await assert.rejects(read({ name: 'tidy', path: 'references' }), { message: /is a directory/ });
      for (const path of [
        '/etc/passwd',
        '../tidy/SKILL.md',
        'references/../../code/SKILL.md',
        `${directory}/tidy/SKILL.md`,
      ])
        assert.equal(readSkill(skills).input.safeParse({ name: 'tidy', path }).success, false, path);
    });
  });
});
