import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { createClient, type Client } from '@reeve/client';
import { routes } from '@reeve/contract';
import { createTestDatabase, startReeve, type Reeve } from '@reeve/testing';
import type { Page } from 'playwright-core';
import { ask, focusInDialog } from '../test/act.ts';
import { findChromium, SUITE_MS, type TestBrowser } from '../test/browser.ts';
import { lookAtPlaces, type Place } from '../test/look.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);
/** A machine that is busy with other tests is no reason to put requests off; what is in a Body is what a test put there. */
const CALM = { REEVE_MAX_LOOP_DELAY_MS: '0', BODY_REFRESH_S: '0' };
const REFUSED = /status of (400|404|409|500)/;
const GOOD_SKILL = `---
name: release-notes
description: Writes release notes from a git history. Use it when somebody asks for a changelog.
license: Apache-2.0
allowed-tools: bash_execute write_file
metadata: { version: "2" }
---
# Release notes
Write **short** sentences.
`;

describe('memory and skills in the console', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let server: Reeve;
  let client: Client;
  let browser: TestBrowser;

  before(async () => {
    const place = await createTestDatabase();
    const skills = join(place.dataDirectory, 'skills');
    for (const [name, text] of [
      ['release-notes', GOOD_SKILL],
      ['broken', '---\nname: another\n---\n'],
    ] as const) {
      await mkdir(join(skills, name), { recursive: true });
      await writeFile(join(skills, name, 'SKILL.md'), text);
    }
    server = stack.use(await startReeve({ ...CALM, REEVE_SKILLS_DIR: skills }, place));
    client = createClient({ baseUrl: server.url });
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  afterEach(async () => {
    const faults = await browser.settle();
    const { memories } = await client.call(routes.listMemories);
    for (const { id } of memories) await client.call(routes.deleteMemory, { params: { id } });
    const { playbooks } = await client.call(routes.listPlaybooks);
    for (const { id } of playbooks) await client.call(routes.deletePlaybook, { params: { id } });
    assert.deepEqual(faults, []);
  });

  const open = (path: string, width = 1280): Promise<Page> =>
    browser.visit(`${server.url}${path}`, { expected: REFUSED, width });
  const remember = async (text: string, fields: { tags?: string[]; ttl_s?: number; persona_id?: string } = {}) =>
    (await client.call(routes.remember, { body: { text, ...fields } })).id;
  const memory = (id: string) => client.call(routes.getMemory, { params: { id } });
  const learn = (prompt: string, tool: string, args: Record<string, string>, persona?: string) =>
    client.call(routes.storePlaybook, {
      body: {
        session_id: randomUUID(),
        prompt,
        history_sequence: [{ tool, args }],
        ...(persona !== undefined && { persona_id: persona }),
      },
    });
  const memories = (page: Page) => page.getByRole('list', { name: 'Memories' }).locator('> li');
  const matches = (page: Page) => page.getByRole('list', { name: 'Matches' }).locator('> li');

  it('break no accessibility rule and fit a phone', async () => {
    const { id: persona } = await client.call(routes.createPersona, { body: { name: 'Home security' } });
    const text = 'The alarm of the greenhouse is tested on the first Monday of each month.';
    const greenhouse = await remember(text, { tags: ['alarm', 'greenhouse'], persona_id: persona });
    await remember('The siren of the alarm of the greenhouse was replaced in May.', { persona_id: persona });
    await remember(`Wordswithoutablank${'andwithoutend'.repeat(30)}`, { ttl_s: 86_400 });
    await learn('Tell who came to the house at night, with the room and the time', 'read_file', {
      path: 'logs/2026-11-22.jsonl',
      pattern: 'motion|door|'.repeat(20),
    });
    await learn('Sum up the week', 'calculator', { expression: '1 + 2' }, persona);
    const places = placesOf(greenhouse);
    assert.deepEqual(await lookAtPlaces(browser, server.url, places, process.env['REEVE_TEST_PICTURES']), []);
    await client.call(routes.deletePersona, { params: { id: persona } });
  });

  it('memories are listed, found with where they come from, and deleted once that was confirmed', async () => {
    const id = await remember('The gong rings at noon.', { tags: ['gong'] });
    await remember('Bread is baked at six.', { ttl_s: 86_400 });
    const { session_id: session } = await client.call(routes.query, { body: { message: 'When does the gong ring?' } });
    const page = await open('/admin/memory');
    await memories(page)
      .filter({ hasText: 'Bread is baked at six.' })
      .getByText(/^until /)
      .waitFor();
    await page.getByRole('searchbox', { name: 'Tag that memories must have' }).fill('gong');
    await page.getByText('1 memory, the newest first').waitFor();
    await memories(page).filter({ hasText: 'The gong rings at noon.' }).waitFor();
    await page.getByRole('searchbox', { name: 'Tag that memories must have' }).fill('nothing');
    await page.getByText('Nothing that is remembered has the tag “nothing”.').waitFor();
    await page.getByRole('link', { name: 'Show all memories' }).click();

    await ask(page, 'Search memory', 'when does the gong ring');
    const found = matches(page).filter({ hasText: 'The gong rings at noon.' });
    await page.getByText('found for “when does the gong ring” by its words').waitFor();
    await found.getByText('from no session').waitFor();
    await found.getByText(/^score /).waitFor();
    assert.deepEqual(await found.locator('mark').allInnerTexts(), ['gong', 'rings']);
    const today = new Date().toISOString().slice(0, 10);
    await page.getByLabel('Last day').fill('2026-01-31');
    await page.getByText('Nothing there has a word of it, the tag, and is of that time.').waitFor();
    await page.getByLabel('Last day').fill(today);
    await page.getByLabel('First day').fill(today);
    await page.getByRole('searchbox', { name: 'Tag that memories must have' }).fill('gong');
    await page.waitForURL((url) => url.searchParams.get('tag') === 'gong');
    await found.waitFor();
    await page.getByRole('searchbox', { name: 'Tag that memories must have' }).fill('');
    await page.waitForURL((url) => !url.searchParams.has('tag'));
    for (const end of ['First day', 'Last day']) await page.getByLabel(end).fill('');
    await page.waitForURL((url) => !url.searchParams.has('from') && !url.searchParams.has('to'));
    await page.getByRole('combobox', { name: 'In' }).selectOption('message');
    const message = matches(page).filter({ hasText: 'When does the gong ring?' }).first();
    const origin = await message.getByRole('link', { name: 'Session' }).getAttribute('href');
    assert.match(origin ?? '', new RegExp(session));
    assert.equal(await message.getByRole('button', { name: /^(Edit|Merge|Delete)/ }).count(), 0);
    await page.getByRole('combobox', { name: 'In' }).selectOption('memory');
    await found.getByRole('button', { name: 'Delete “The gong rings at noon.”' }).click();
    const question = page.getByRole('dialog', { name: 'Delete the memory' });
    await question.getByText('“The gong rings at noon.” is forgotten').waitFor();
    await question.getByRole('button', { name: 'Delete memory' }).click();
    await page.getByText('Nothing there has a word of it.').waitFor();
    const left = (await client.call(routes.listMemories)).memories;
    assert.ok(left.length > 0 && !left.some((one) => one.id === id));
    await page.getByRole('link', { name: 'All memories' }).click();
    await memories(page).filter({ hasText: 'Bread is baked at six.' }).waitFor();
  });

  it('a memory that another one came in the place of says so', async () => {
    await remember('The rent is 900 euros.');
    await remember('The rent is 950 euros.');
    const page = await open('/admin/memory?ask=rent');
    await matches(page).nth(1).waitFor();
    const told = await matches(page).allInnerTexts();
    assert.deepEqual(
      told.map((text) => [/9[05]0/.exec(text)?.[0], text.includes('a newer one came in its place')]),
      [
        ['950', false],
        ['900', true],
      ],
    );
  });

  it('memories are narrowed down to those of a persona, in lists, searches and playbooks', async () => {
    const { id } = await client.call(routes.createPersona, { body: { name: 'Barky' } });
    await remember('Sticks are fetched slowly.', { persona_id: id });
    await remember('Sticks burn well.');
    await learn('Fetch a stick', 'read_file', { path: 'stick.md' }, id);
    await learn('Light a fire', 'calculator', { expression: '1' });
    const page = await open('/admin/memory');
    await page.getByText('2 memories').waitFor();
    await page.getByRole('combobox', { name: 'Persona' }).fill('bark');
    await page.getByRole('option', { name: 'Barky' }).click();
    await page.waitForURL((url) => url.searchParams.get('persona') === id);
    await page.getByText('1 memory,').waitFor();
    await memories(page).getByRole('link', { name: 'Barky' }).waitFor();
    await ask(page, 'Search memory', 'sticks');
    await page.getByText('1 match', { exact: false }).waitFor();
    await page.goto(`${server.url}/admin/memory/playbooks?persona=${id}`);
    await page.getByText('1 playbook,').waitFor();
    assert.equal(await page.getByRole('combobox', { name: 'Persona' }).inputValue(), 'Barky');
    await page.getByRole('button', { name: 'Any persona or none', includeHidden: true }).click();
    await page.getByText('2 playbooks').waitFor();
    await client.call(routes.deletePersona, { params: { id } });
  });

  it('a memory is changed, and what another says already leads to merging the two', async () => {
    const bread = await remember('Bread is baked at six.', { tags: ['flour, water'] });
    const gong = await remember('The gong rings at noon.', { tags: ['gong'], ttl_s: 3_600 });
    const page = await open('/admin/memory');
    await page.getByRole('button', { name: 'Edit “The gong rings at noon.”' }).press('Enter');
    const form = page.getByRole('dialog', { name: 'Edit the memory' });
    await form.getByText(/^As it did: until/).waitFor({ state: 'attached' });
    await focusInDialog(page);
    await form.getByRole('textbox', { name: 'Text' }).fill('');
    await page.keyboard.press('Control+Enter');
    await form.locator('[aria-invalid="true"]').waitFor();
    await form.getByRole('textbox', { name: 'Text' }).fill('The gong rings at one.');
    await form.getByRole('textbox', { name: 'Tags' }).fill('gong, lunch');
    await form.getByRole('combobox', { name: 'It lasts' }).selectOption('For ever');
    await page.keyboard.press('Control+Enter');
    await form.waitFor({ state: 'detached' });
    await memories(page).filter({ hasText: 'The gong rings at one.' }).getByText('lunch').waitFor();
    const { text, tags, expires_at: end } = await memory(gong);
    assert.deepEqual([text, tags, end], ['The gong rings at one.', ['gong', 'lunch'], null]);

    await page.getByRole('button', { name: 'Edit “Bread is baked at six.”' }).click();
    await form.getByRole('textbox', { name: 'Text' }).fill('the GONG rings at one.');
    await form.getByRole('button', { name: 'Save memory' }).click();
    await form.getByText('another memory says the same').waitFor();
    assert.deepEqual((await memory(bread)).tags, ['flour, water']);
    await form.getByRole('button', { name: 'Merge with another' }).click();
    await page.waitForURL((url) => url.searchParams.get('merge') === bread && !url.searchParams.has('edit'));
    await page.getByRole('dialog', { name: 'Merge two memories' }).getByText('Bread is baked at six.').waitFor();
    await page.goto(`${server.url}/admin/memory?edit=${randomUUID()}`);
    await form.getByText('there is no memory').waitFor();
  });

  it('two memories that are alike become one, or stay two where that fails', async () => {
    const first = await remember('Bread is baked at six.', { tags: ['bread'], ttl_s: 3_600 });
    const second = await remember('Bread is baked by Ada.', { tags: ['ada'] });
    await remember('The gong rings at noon.');
    const page = await open('/admin/memory');
    await page.getByRole('button', { name: 'Merge “Bread is baked by Ada.” with another' }).click();
    const form = page.getByRole('dialog', { name: 'Merge two memories' });
    const other = form.getByRole('radio', { name: /Bread is baked at six\./ });
    await other.waitFor();
    assert.equal(await form.getByRole('radio').count(), 1, 'neither itself nor what has no word of it');
    await other.press('Space');
    const text = form.getByRole('textbox', { name: 'Together they say' });
    assert.equal(await text.inputValue(), 'Bread is baked at six.\nBread is baked by Ada.');
    assert.equal(await form.getByRole('textbox', { name: 'Tags' }).inputValue(), 'bread, ada');
    await text.fill('Bread is baked by Ada at six.');
    await page.route('**/api/v1/memory/*', async (route) => {
      if (route.request().method() === 'PATCH') await route.fulfill({ status: 500, json: { error: 'not now' } });
      else await route.continue();
    });
    await form.getByRole('button', { name: 'Merge the two' }).click();
    await form.getByText('Nothing was changed').waitFor();
    assert.deepEqual(
      [(await memory(first)).text, (await memory(second)).text],
      ['Bread is baked at six.', 'Bread is baked by Ada.'],
    );
    await page.unroute('**/api/v1/memory/*');
    await text.press('Control+Enter');
    await form.waitFor({ state: 'detached' });
    await page.getByText('2 memories').waitFor();
    const { text: said, tags, expires_at: end } = await memory(first);
    assert.deepEqual([said, tags, end], ['Bread is baked by Ada at six.', ['bread', 'ada'], null]);
    await assert.rejects(memory(second), { status: 404 });

    await page.getByRole('button', { name: 'Merge “The gong rings at noon.” with another' }).click();
    await form.getByText('No other memory there has a word of it.').waitFor();
  });

  it('playbooks tell how often they worked and what they call, and are deleted once that was confirmed', async () => {
    await learn('Find the invoice of May', 'read_file', { path: 'invoices/may.md' });
    await learn('Find the invoice of June', 'read_file', { path: 'invoices/june.md' });
    await learn('Add numbers', 'calculator', { expression: '1 + 2' });
    const page = await open('/admin/memory');
    await page.getByRole('link', { name: 'Playbooks' }).click();
    const playbooks = page.getByRole('list', { name: 'Playbooks' }).locator('> li');
    const invoices = playbooks.filter({ hasText: 'invoice' });
    await invoices.getByText('Worked twice').waitFor();
    await invoices.locator('summary').press('Enter');
    await invoices.getByText(/^invoices\/\w+\.md$/).waitFor();
    await playbooks.filter({ hasText: 'Add numbers' }).getByText('Worked once').waitFor();
    await page.getByRole('button', { name: 'Delete “Add numbers”' }).click();
    const question = page.getByRole('dialog', { name: 'Delete the playbook' });
    await question.getByRole('button', { name: 'Keep it' }).click();
    await page.getByRole('button', { name: 'Delete “Add numbers”' }).click();
    await question.getByRole('button', { name: 'Delete playbook' }).click();
    await page.getByText('1 playbook,').waitFor();
    assert.equal((await client.call(routes.listPlaybooks)).total, 1);
  });

  it('skills are listed with what is wrong in the folder, and opened by keys', async () => {
    const page = await open('/admin/tools');
    await page.getByRole('heading', { level: 1 }).click();
    await page.keyboard.press('g');
    await page.keyboard.press('i');
    await page.waitForURL(/\/admin\/tools\/skills$/);
    const row = page.getByRole('row', { name: /^release-notes/ });
    await row.getByText('the operator').waitFor();
    await page.getByRole('region', { name: 'Problems' }).getByText('broken/SKILL.md').waitFor();
    const { skills } = await client.call(routes.listSkills);
    assert.equal(await page.locator('tbody tr').count(), skills.length);
    for (let at = 0; at <= skills.findIndex(({ name }) => name === 'release-notes'); at += 1)
      await page.keyboard.press('j');
    await page.locator('tbody a:focus', { hasText: 'release-notes' }).waitFor();
    await page.keyboard.press('Enter');
    const drawer = page.getByRole('dialog', { name: 'Skill' });
    await drawer.getByRole('heading', { name: 'Release notes' }).waitFor();
    await drawer.getByText('bash_execute, write_file').waitFor();
    await drawer.locator('strong', { hasText: 'short' }).waitFor();
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'detached' });
    await page.goto(`${server.url}/admin/tools/skills?skill=nothing`);
    await drawer.getByText('The skill could not be loaded').waitFor();
  });

  it('on a phone the strip of administration shows where the reader is', async () => {
    const page = await open('/admin/memory', 400);
    const here = page.getByRole('navigation', { name: 'Administration' }).getByRole('link', { name: 'Memory' });
    await page.waitForFunction(
      (link) => {
        const { left, right } = link!.getBoundingClientRect();
        return left >= 0 && right <= innerWidth;
      },
      await here.elementHandle(),
    );
  });
});

const dialog = (page: Page) => page.getByRole('dialog');

const placesOf = (memory: string): Record<string, Place> => ({
  memories: ['/admin/memory', (page) => page.getByRole('list', { name: 'Memories' }).waitFor()],
  'memory-search': ['/admin/memory?ask=when+is+the+alarm+tested', (page) => page.locator('mark').first().waitFor()],
  'memory-edit': [
    `/admin/memory?edit=${memory}`,
    async (page) => {
      await dialog(page).getByRole('textbox', { name: 'Text' }).fill('');
      await dialog(page).getByRole('button', { name: 'Save memory' }).click();
      await page.locator('[aria-invalid="true"]').waitFor();
    },
  ],
  'memory-merge': [
    `/admin/memory?merge=${memory}`,
    async (page) => {
      await dialog(page).getByRole('radio').first().check();
      await dialog(page).getByText('What stays is').waitFor();
    },
  ],
  'memory-persona': [
    '/admin/memory/playbooks',
    async (page) => {
      await page.getByRole('combobox', { name: 'Persona' }).click();
      await page.getByRole('option', { name: 'Home security' }).waitFor();
    },
  ],
  playbooks: ['/admin/memory/playbooks', (page) => page.locator('summary').last().click()],
  'playbook-delete': [
    '/admin/memory/playbooks',
    async (page) => {
      await page.getByRole('button', { name: 'Delete “Sum up the week”' }).click();
      await dialog(page).getByRole('button', { name: 'Delete playbook' }).waitFor();
    },
  ],
  skills: ['/admin/tools/skills', (page) => page.getByRole('region', { name: 'Problems' }).waitFor()],
  skill: [
    '/admin/tools/skills?skill=release-notes',
    (page) => dialog(page).getByRole('heading', { name: 'Release notes' }).waitFor(),
  ],
});
