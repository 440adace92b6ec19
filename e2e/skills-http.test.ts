import assert from 'node:assert/strict';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { routes, type Step, type ToolOutcome } from '@reeve/contract';
import { openRunPlace, type RunPlace } from '@reeve/testing/run-place';

const PATIENCE_MS = 30_000;
let place: RunPlace;
before(async () => void (place = await openRunPlace()));
after(() => place[Symbol.asyncDispose]());
beforeEach(() => place.upstream.reset());

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, what);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A run of an agent, with what its tool calls came to. */
async function run(agent: string): Promise<{ result: unknown; outcomes: ToolOutcome[] }> {
  const { run_id, result } = await place.admin.call(routes.execute, {
    body: { task: 'Do it.', agent, timeout_ms: 120_000 },
  });
  const { steps } = await place.admin.call(routes.listSteps, { params: { id: run_id } });
  return {
    result,
    outcomes: steps.filter(({ kind }: Step) => kind === 'tool').map(({ output }) => output as ToolOutcome),
  };
}

describe('skills, over HTTP', { timeout: 300_000 }, () => {
  const folder = () => join(place.reeve.dataDirectory, 'skills', 'tidy');
  const names = async () => (await place.admin.call(routes.listSkills, {})).skills.map(({ name }) => name);
  const system = (index: number) =>
    place.upstream.requests[index]!.messages.flatMap(({ role, text }) => (role === 'system' ? [text] : [])).join();

  async function writeSkill(description: string): Promise<void> {
    await mkdir(join(folder(), 'scripts'), { recursive: true });
    await writeFile(join(folder(), 'scripts', 'tidy.sh'), 'echo "tidied $1"; touch /skills/tidy/x || echo kept\n');
    await writeFile(
      join(folder(), 'SKILL.md'),
      `---\nname: tidy\ndescription: ${description}\n---\nRun scripts/tidy.sh.\n`,
    );
  }

  it('are listed by pages, and shown with their instructions', async () => {
    assert.deepEqual(await names(), ['code', 'filesystem', 'web']);
    const page = await place.admin.call(routes.listSkills, { query: { limit: 1, offset: 1 } });
    assert.deepEqual([page.skills[0]!.name, page.total, page.limit, page.offset], ['filesystem', 3, 1, 1]);
    const shown = await place.admin.call(routes.getSkill, { params: { name: 'code' } });
    assert.equal(shown.source, 'builtin');
    assert.match(shown.instructions, /^# Working with code/);
    await assert.rejects(place.admin.call(routes.getSkill, { params: { name: 'none' } }), { status: 404 });
  });

  it('are named by agents only where they are there', async () => {
    const body = { name: 'Unskilled', slug: 'unskilled', skills: ['code', 'juggling'] };
    await assert.rejects(place.admin.call(routes.createAgent, { body }), {
      status: 400,
      message: 'skills.1 names no known skill: juggling; known are code, filesystem, web',
    });
    await place.makeAgent('unskilled');
    await assert.rejects(
      place.admin.call(routes.updateAgent, { params: { id: 'unskilled' }, body: { skills: ['juggling'] } }),
      { status: 400, message: /juggling/ },
    );
  });

  it('dropped into the folder are told to their agents, read, and their scripts run; taken away they break nothing', async () => {
    await writeSkill('Tidies up.');
    await until('the skill appears', async () => (await names()).includes('tidy'));
    await place.makeAgent('tidier', { system_prompt: 'Be neat.', tools: ['bash_execute'], skills: ['tidy', 'web'] });
    const script = [
      { toolCalls: [{ name: 'read_skill', input: { name: 'tidy' } }] },
      { toolCalls: [{ name: 'read_skill', input: { name: 'code' } }] },
      { toolCalls: [{ name: 'bash_execute', input: { command: 'bash /skills/tidy/scripts/tidy.sh up; ls /skills' } }] },
      { text: ['Done.'] },
    ];
    place.upstream.script(script);
    const first = await run('tidier');
    assert.match(system(0), /^Be neat\.\n\n# Skills\n.*\n- tidy: Tidies up\.\n- web: Finding/s);
    assert.deepEqual(place.upstream.requests[0]!.tools, ['bash_execute', 'read_skill']);
    assert.deepEqual(
      first.outcomes.slice(0, 2).map(({ tool_status, result }) => [tool_status, result]),
      [
        ['success', { name: 'tidy', instructions: 'Run scripts/tidy.sh.', files: ['scripts/tidy.sh'] }],
        ['error', { error: 'there is no skill "code"; there are tidy, web' }],
      ],
    );
    const { tool_status: status, stdout, result } = first.outcomes[2]!;
    // Without bubblewrap there are no commands.
    if (status === 'success') assert.equal(stdout, 'tidied up\nkept\ntidy\nweb\n');
    else assert.match(JSON.stringify(result), /cannot be used here/);

    await rm(folder(), { recursive: true });
    await until('the skill is gone', async () => !(await names()).includes('tidy'));
    place.upstream.reset();
    place.upstream.script(script);
    const second = await run('tidier');
    assert.equal(second.result, 'Done.');
    assert.match(system(0), /- web: /);
    assert.doesNotMatch(system(0), /tidy/);
    assert.match(JSON.stringify(second.outcomes[0]!.result), /there is no skill .*tidy/);
    await place.admin.call(routes.updateAgent, { params: { id: 'tidier' }, body: { skills: [] } });
    place.upstream.reset();
    place.upstream.script([{ toolCalls: [{ name: 'read_skill', input: { name: 'web' } }] }, { text: ['Done.'] }]);
    assert.equal((await run('tidier')).outcomes[0]!.tool_status, 'denied');
    assert.equal(system(0), 'Be neat.');
  });
});

describe('extensions, over HTTP', { timeout: 300_000 }, () => {
  const infoOf = async (name: string) =>
    (await place.admin.call(routes.listTools, {})).tools.find((tool) => tool.name === name);

  it('dropped into the folder are offered, called by agents, and held by the rules of tenants', async (context) => {
    await cp(join(import.meta.dirname, '../examples/extensions'), join(place.reeve.dataDirectory, 'extensions'), {
      recursive: true,
    });
    await until('the tool appears', async () => (await infoOf('word_count')) !== undefined);
    const { available, unavailable_reason: reason, source } = (await infoOf('word_count'))!;
    assert.equal(source, 'extension:word_count');
    await place.makeAgent('counter', { tools: ['word_count', 'write_file'] });
    if (!available) return context.skip(reason);
    const script = [
      { toolCalls: [{ name: 'write_file', input: { path: 'a.txt', content: 'one two three' } }] },
      { toolCalls: [{ name: 'word_count', input: { path: 'a.txt' } }] },
      { text: ['Three.'] },
    ];
    place.upstream.script(script);
    const { outcomes, result } = await run('counter');
    assert.deepEqual([result, outcomes[1]!.result], ['Three.', { lines: 1, words: 3, characters: 13 }]);
    assert.match(JSON.stringify(place.upstream.requests[0]!.body), /Counts lines, words and characters/);

    const called = await place.admin.call(routes.executeTool, {
      body: { tool_name: 'word_count', args: { text: 'a b' } },
    });
    assert.deepEqual([called.tool_status, called.result], ['success', { lines: 1, words: 2, characters: 3 }]);
    await place.admin.call(routes.putTenantOverrides, {
      params: { id: 'default' },
      body: { tools: { deny: ['word_count'] } },
    });
    place.upstream.reset();
    place.upstream.script(script);
    assert.equal((await run('counter')).outcomes[1]!.tool_status, 'denied');
    assert.doesNotMatch(JSON.stringify(place.upstream.requests[0]!.tools), /word_count/);
  });

  it('that are taken away leave their agents at work', async () => {
    await rm(join(place.reeve.dataDirectory, 'extensions'), { recursive: true });
    await until('the tool is gone', async () => (await infoOf('word_count')) === undefined);
    place.upstream.script([{ text: ['Still here.'] }]);
    assert.equal((await run('counter')).result, 'Still here.');
  });
});
