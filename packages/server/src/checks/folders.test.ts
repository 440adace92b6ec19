import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readConfig } from '../config.ts';
import { checkFolders } from './folders.ts';

describe('the folders of operators', () => {
  let directory: string;
  before(async () => void (directory = await mkdtemp(join(tmpdir(), 'reeve-folders-'))));
  after(() => rm(directory, { recursive: true, force: true }));
  const check = (more: Readonly<Record<string, string>> = {}) =>
    checkFolders(readConfig({ REEVE_DATA_DIR: directory, ...more }).config);

  it('need not be there', async () => {
    assert.deepEqual(
      (await check()).map(({ name, state, evidence }) => [name, state, evidence]),
      [
        ['skills', 'ok', `0 of your own in ${directory}/skills`],
        ['extensions', 'ok', `0 of your own in ${directory}/extensions`],
      ],
    );
  });

  it('are checked, and what is wrong is told with its file', async () => {
    await mkdir(join(directory, 'mine', 'tidy'), { recursive: true });
    await writeFile(join(directory, 'mine', 'tidy', 'SKILL.md'), '---\nname: tidy\n---\n');
    await mkdir(join(directory, 'extensions'));
    await writeFile(join(directory, 'extensions', 'calculator.ts'), '');
    await writeFile(join(directory, 'extensions', 'mcp__a__b.ts'), '');
    const [skills, extensions] = await check({ REEVE_SKILLS_DIR: join(directory, 'mine') });
    assert.deepEqual([skills!.state, skills!.evidence], ['warn', 'tidy/SKILL.md, line 2: description: is missing']);
    assert.equal(
      extensions!.evidence,
      'calculator.ts: there is another tool calculator; call it something else; mcp__a__b.ts: there is another tool mcp__a__b; call it something else',
    );
    assert.match(extensions!.remedy!, /mend it in .*\/extensions; until then it is left out/);
  });
});
