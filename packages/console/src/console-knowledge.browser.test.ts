import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { createClient, type Client } from '@reeve/client';
import { routes, type KnowledgeBase, type Role } from '@reeve/contract';
import { startReeve, type Reeve } from '@reeve/testing';
import type { Locator, Page } from 'playwright-core';
import { ask, focusInDialog } from '../test/act.ts';
import { findChromium, SUITE_MS, type TestBrowser } from '../test/browser.ts';
import { lookAtPlaces, type Place } from '../test/look.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);
const BOOTSTRAP = 'rv_bootstrap-only-for-tests';
/** A machine that is busy with other tests is no reason to put requests off; what is in a Body is what a test put there. */
const CALM = { REEVE_MAX_LOOP_DELAY_MS: '0', BODY_REFRESH_S: '0' };
const REFUSED = /status of (400|401|403|404|409)/;

describe('knowledge in the console', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let server: Reeve;
  let client: Client;
  let browser: TestBrowser;

  before(async () => {
    server = stack.use(await startReeve(CALM));
    client = createClient({ baseUrl: server.url });
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  afterEach(async () => {
    const faults = await browser.settle();
    const { configs } = await client.call(routes.listAgents, { query: { limit: 200 } });
    for (const { id } of configs.filter(({ built_in: builtIn }) => !builtIn))
      await client.call(routes.deleteAgent, { params: { id } });
    const { personas } = await client.call(routes.listPersonas, { query: { limit: 200 } });
    for (const { id } of personas) await client.call(routes.deletePersona, { params: { id } });
    assert.deepEqual(faults, []);
  });

  const open = (path: string): Promise<Page> => browser.visit(`${server.url}${path}`, { expected: REFUSED });
  const persona = (name: string, description = '') =>
    client.call(routes.createPersona, { body: { name, description } });
  const add = (
    id: string,
    kb: KnowledgeBase,
    text: string,
    fields: { title?: string; source?: string; tags?: string[] } = {},
  ) => client.call(routes.addDocument, { params: { id, kb }, body: { text, ...fields } });
  const documents = async (id: string, kb: KnowledgeBase) =>
    (await client.call(routes.listDocuments, { params: { id, kb } })).documents;

  it('break no accessibility rule and fit a phone', async () => {
    const guard = await persona('Home security', 'Watches over a house, and says what it saw. Calls nobody by itself.');
    await add(guard.id, 'Soul-KB', '# Who I am\nI watch over a house and say calmly what I saw.');
    await fillDomain(guard.id);
    for (const name of ['Research desk', 'A persona whose name goes on for so long that no phone shows it in one line'])
      await persona(name);
    await client.call(routes.createAgent, { body: { name: 'Night watch', persona_id: guard.id } });
    assert.deepEqual(await lookAtPlaces(browser, server.url, PLACES, process.env['REEVE_TEST_PICTURES']), []);
  });

  it('a persona is made, renamed under its address, and deleted once no agent has it', async () => {
    const page = await open('/admin/knowledge');
    await page.getByText('No persona yet.').waitFor();
    await page.getByRole('button', { name: 'New persona' }).click();
    const form = page.getByRole('dialog', { name: 'New persona' });
    await focusInDialog(page);
    await page.keyboard.press('Control+Enter');
    await form.locator('[aria-invalid="true"]').waitFor();
    await form.getByRole('textbox', { name: 'Name' }).fill('Barky');
    await form.getByRole('textbox', { name: 'Slug' }).fill('no blanks please');
    await form.getByRole('button', { name: 'Create persona' }).click();
    await form.getByText('must be letters, digits, - and _').waitFor();
    await form.getByRole('textbox', { name: 'Slug' }).fill('');
    await form.getByRole('textbox', { name: 'Description' }).fill('A companion.');
    await form.getByRole('button', { name: 'Create persona' }).click();
    await page.waitForURL(/\/admin\/knowledge\/barky$/);
    await page.getByRole('heading', { name: 'Barky', level: 1 }).waitFor();
    await page.getByText('The Soul is empty.').waitFor();

    await page.getByRole('button', { name: 'Edit' }).click();
    const edit = page.getByRole('dialog', { name: 'Edit the persona' });
    await edit.getByRole('textbox', { name: 'Name' }).fill('Barky the second');
    await edit.getByRole('textbox', { name: 'Slug' }).fill('barky-2');
    await edit.getByRole('button', { name: 'Save persona' }).click();
    await page.waitForURL(/\/admin\/knowledge\/barky-2$/);
    await page.getByRole('heading', { name: 'Barky the second', level: 1 }).waitFor();

    const { id } = await client.call(routes.getPersona, { params: { id: 'barky-2' } });
    const agent = await client.call(routes.createAgent, { body: { name: 'Fetcher', persona_id: id } });
    await page.reload();
    await page.getByRole('link', { name: 'Fetcher' }).waitFor();
    await page.getByRole('button', { name: 'Delete' }).click();
    const question = page.getByRole('dialog', { name: 'Delete the persona' });
    await question.getByText('An agent has it, so the server will refuse.').waitFor();
    await question.getByRole('button', { name: 'Delete persona' }).click();
    await question.getByText('an agent has the persona barky-2').waitFor();
    await question.getByText('Give “Fetcher” another persona or none').waitFor();
    await question.getByText('reeve agents edit fetcher --persona none').waitFor();
    await client.call(routes.updateAgent, { params: { id: agent.id }, body: { persona_id: null } });
    await question.getByRole('button', { name: 'Delete persona' }).click();
    await page.waitForURL(/\/admin\/knowledge$/);
    await page.getByText('No persona yet.').waitFor();
  });

  it('personas are narrowed down in the address, and opened by keys', async () => {
    for (const name of ['Barky', 'Cyber manager', 'Research desk']) await persona(name);
    await add('barky', 'Domain-KB', 'Dogs like sticks.');
    const page = await open('/admin/knowledge');
    const row = page.getByRole('row', { name: /^Barky/ });
    await row.getByText('Domain 1').waitFor();
    await page.getByRole('searchbox', { name: 'Search personas' }).fill('desk');
    await page.waitForURL(/q=desk/);
    await row.waitFor({ state: 'detached' });
    await page.getByRole('searchbox', { name: 'Search personas' }).fill('nobody');
    await page.getByText('No persona has “nobody” in its name or slug.').waitFor();
    await page.getByRole('link', { name: 'Show all personas' }).click();
    await row.waitFor();
    await page.getByRole('heading', { level: 1 }).click();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.locator('tbody a:focus', { hasText: 'Cyber manager' }).waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/admin\/knowledge\/cyber-manager/);
    await page.keyboard.press('g');
    await page.keyboard.press('b');
    await row.waitFor();
    await page.goto(`${server.url}/admin/knowledge/nobody`);
    await page.getByText('there is no persona nobody').waitFor();
  });

  it('files are uploaded one by one, and one that cannot be read keeps none of the others', async () => {
    const { id } = await persona('Barky');
    const page = await open('/admin/knowledge/barky?tab=Domain-KB');
    await page.getByText('The Domain is empty.').waitFor();
    await choose(page, { 'dogs.md': '# Dogs\nThey like sticks.', 'broken.pdf': 'not a PDF at all', 'empty.txt': '' });
    await upload(page, 'dogs.md').getByText('Added, 1 chunk').waitFor();
    await upload(page, 'broken.pdf').getByText('Not uploaded').waitFor();
    const why = await upload(page, 'broken.pdf').getByRole('alert').innerText();
    assert.match(why, /PDF/);
    await upload(page, 'empty.txt').getByText('must not be empty').waitFor();
    await page.getByRole('row', { name: /Dogs/ }).getByRole('cell', { name: 'Markdown', exact: true }).waitFor();
    await page.getByRole('link', { name: 'Domain 1' }).waitFor();
    assert.deepEqual(
      (await documents(id, 'Domain-KB')).map(({ title, source }) => [title, source]),
      [['Dogs', 'dogs.md']],
    );

    await choose(page, { 'dogs.md': '# Dogs\nThey like sticks.' });
    await upload(page, 'dogs.md').getByText('Was there already').waitFor();
    await choose(page, { 'dogs.md': '# Dogs\nThey like balls more.' });
    await upload(page, 'dogs.md').getByText('Replaced what came from there before, 1 chunk').waitFor();
    await drop(page, 'cats.md', '# Cats\nThey like boxes.');
    await page.getByRole('row', { name: /Cats/ }).waitFor();
    assert.equal((await documents(id, 'Domain-KB')).length, 2);
  });

  it('tell how far an upload is, and can be stopped', async () => {
    const { id } = await persona('Barky');
    const page = await open('/admin/knowledge/barky?tab=Body-KB');
    await page.getByText('The Body is empty.').waitFor();
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    await page.route('**/documents', async (route) => {
      await held;
      await route.continue();
    });
    await choose(page, { 'one.md': 'One.', 'two.md': 'Two.' });
    await upload(page, 'one.md').getByRole('progressbar').waitFor();
    await upload(page, 'two.md').getByText('Waits for those before it').waitFor();
    await page.getByRole('link', { name: /^Mind/ }).click();
    await page.getByText('The Mind is empty.').waitFor();
    assert.equal(await page.getByRole('list', { name: 'Uploads' }).count(), 0, 'each base has its own');
    await page.goBack();
    // The browser gives the request up a moment after the click; let go before that, it would still be sent.
    const stopped = page.waitForEvent('requestfailed', (request) => request.url().endsWith('/documents'));
    await upload(page, 'one.md').getByRole('button', { name: 'Stop one.md' }).click();
    await stopped;
    letGo();
    await upload(page, 'two.md').getByText('Added').waitFor();
    assert.deepEqual(
      (await documents(id, 'Body-KB')).map(({ source }) => source),
      ['two.md'],
    );
  });

  it('a text is typed in, read in chunks, and deleted once that was confirmed', async () => {
    const { id } = await persona('Barky');
    const page = await open('/admin/knowledge/barky?tab=Mind-KB');
    await page.getByRole('button', { name: 'Add text' }).click();
    const form = page.getByRole('dialog', { name: 'Add a text to the Mind' });
    await focusInDialog(page);
    await page.keyboard.press('Control+Enter');
    await form.locator('[aria-invalid="true"]').waitFor();
    await form.getByRole('textbox', { name: 'Text' }).fill('# Fetching\n## When tired\nBring it slowly.');
    await form.getByRole('textbox', { name: 'Source' }).fill('fetch.md');
    await form.getByRole('textbox', { name: 'Tags' }).fill('fetch, slow, fetch');
    await form.getByRole('button', { name: 'Add text' }).click();
    const drawer = page.getByRole('dialog', { name: 'Document' });
    await drawer.getByRole('heading', { name: 'Chunks (1)' }).waitFor();
    await drawer.getByText('Bring it slowly.').waitFor();
    await drawer.getByRole('list', { name: 'Headings' }).getByText('When tired').waitFor();
    const [stored] = await documents(id, 'Mind-KB');
    assert.deepEqual([stored?.title, stored?.source, stored?.tags], ['Fetching', 'fetch.md', ['fetch', 'slow']]);
    await drawer.getByRole('button', { name: 'Delete' }).click();
    const question = page.getByRole('dialog', { name: 'Delete the document' });
    await question.getByRole('button', { name: 'Keep it' }).click();
    await drawer.getByRole('button', { name: 'Delete' }).click();
    await question.getByRole('button', { name: 'Delete document' }).click();
    await page.getByText('The Mind is empty.').waitFor();
    await drawer.waitFor({ state: 'detached' });
    assert.ok(!page.url().includes('document='));
    await add(id, 'Body-KB', 'There are tools.', { title: 'Tools', source: 'reeve:tools' });
    await page.goto(`${server.url}/admin/knowledge/barky?tab=Body-KB`);
    await page.getByRole('button', { name: 'Delete Tools' }).click();
    await question.getByText('Reeve writes it anew when it looks again.').waitFor();
  });

  it('documents and chunks are shown page by page, and a match leads to the page of its chunk', async () => {
    const { id } = await persona('Barky');
    for (let at = 0; at < 60; at += 10)
      await Promise.all(
        Array.from({ length: 10 }, (_, n) => add(id, 'Domain-KB', `Note ${at + n}.`, { title: `note ${at + n}` })),
      );
    const parts = Array.from({ length: 45 }, (_, n) => `# Part ${n + 1}\n${`Word${n + 1} `.repeat(200)}`);
    await add(id, 'Body-KB', parts.join('\n\n'), { title: 'The long one' });
    const page = await open('/admin/knowledge/barky?tab=Domain-KB');
    await page.getByText('1–50 of 60').waitFor();
    await page.getByRole('button', { name: 'Older' }).click();
    await page.getByText('51–60 of 60').waitFor();
    await page.locator('tbody tr').nth(10).waitFor({ state: 'detached' });
    await page.getByRole('searchbox', { name: 'Search documents' }).fill('note 7');
    await page.waitForURL((url) => url.searchParams.get('q') === 'note 7' && !url.searchParams.has('offset'));
    await page.locator('tbody tr').nth(1).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'note 7', exact: true }).waitFor();

    await page.getByRole('link', { name: 'What an agent gets' }).click();
    await ask(page, 'What would an agent get for', 'Word33');
    await page.getByRole('list', { name: 'Matches' }).getByRole('link', { name: 'The long one' }).click();
    const drawer = page.getByRole('dialog', { name: 'Document' });
    await drawer.locator('[data-meant]').getByText('Chunk 33').waitFor();
    await drawer.getByText('21–40 of 45').waitFor();
    await drawer.getByRole('button', { name: 'Chunks after' }).click();
    await drawer.getByText('41–45 of 45').waitFor();
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'detached' });
  });

  it('what an agent would get is shown with where it stands, and can be narrowed down', async () => {
    const { id } = await persona('Barky');
    await add(id, 'Soul-KB', 'I am a dog.', { title: 'Who I am' });
    await add(id, 'Domain-KB', '# Dogs\n## Play\nDogs fetch sticks.', { source: 'dogs.md', tags: ['play'] });
    await add(id, 'Mind-KB', 'To fetch a stick, a dog runs and brings it back.', { title: 'How' });
    const other = await persona('Other dog');
    await add(other.id, 'Domain-KB', 'Another dog sleeps.', { title: 'Elsewhere' });
    const page = await open('/admin/knowledge/barky?tab=search');
    await page.getByText('Type what an agent would be asked.').waitFor();
    const label = 'What would an agent get for';
    await ask(page, label, 'dog');
    await page.getByText('2 matches').waitFor();
    const matches = page.getByRole('list', { name: 'Matches' }).locator('> li');
    const play = matches.filter({ hasText: 'dogs.md' });
    await play.getByText('score').waitFor();
    await play.getByRole('list', { name: 'Headings' }).getByText('Play').waitFor();
    await play.getByText('play', { exact: true }).waitFor();
    await page.getByRole('searchbox', { name: 'Tags that documents must have' }).fill('play');
    await page.getByText('1 match', { exact: false }).waitFor();
    await page.waitForURL(/tags=play/);
    await page.getByRole('searchbox', { name: 'Tags that documents must have' }).fill('');
    await page.getByText('2 matches').waitFor();
    await page.getByRole('combobox', { name: 'In' }).selectOption('Soul-KB');
    await matches.filter({ hasText: 'Who I am' }).waitFor();
    await page.reload();
    await matches.filter({ hasText: 'Who I am' }).waitFor();
    await ask(page, label, 'zeppelin');
    await page.getByText('No chunk there has a word of it.').waitFor();

    await page.goto(`${server.url}/admin/knowledge?show=search`);
    await ask(page, 'Search all personas', 'dog');
    await page.getByText('3 matches').waitFor();
    await matches.filter({ hasText: 'Elsewhere' }).getByRole('link', { name: 'Other dog' }).click();
    await page.getByRole('heading', { name: 'Other dog', level: 1 }).waitFor();
  });

  it('who may not change a Soul or a memory is told what it takes, and may change the rest', async () => {
    const environment = { ...CALM, REEVE_API_KEY: BOOTSTRAP };
    await using guarded = await startReeve(environment);
    const admin = createClient({ baseUrl: guarded.url, apiKey: BOOTSTRAP });
    const enter = async (path: string, role: Role): Promise<Page> => {
      const { secret } = await admin.call(routes.createKey, { body: { name: role, role } });
      const page = await browser.visit(`${guarded.url}${path}`, { expected: REFUSED });
      await page.getByRole('textbox', { name: 'API key' }).fill(secret ?? '');
      await page.getByRole('button', { name: 'Sign in' }).click();
      return page;
    };
    const { id } = await admin.call(routes.createPersona, { body: { name: 'Barky' } });
    const body = { text: 'I am a dog.', title: 'Who I am' };
    await admin.call(routes.addDocument, { params: { id, kb: 'Soul-KB' }, body });
    const page = await enter('/admin/knowledge/barky', 'member');
    await page.getByText('This takes the role operator; you have member.').waitFor();
    // What is told of a control is told to those who come to it by keys.
    await page.keyboard.press('Tab');
    for (const name of ['Edit', 'Add text', 'Upload', 'Delete Who I am']) {
      const button = page.getByRole('button', { name, exact: true });
      assert.equal(await button.getAttribute('aria-disabled'), 'true', name);
      await button.focus();
      await page.waitForFunction(
        (why) =>
          document.getElementById(document.activeElement?.getAttribute('aria-describedby') ?? '')?.innerText === why,
        'This takes the role operator; you have member.',
      );
      await page.keyboard.press('Enter');
    }
    assert.equal(await page.getByRole('dialog').count(), 0);
    await page.getByRole('link', { name: /^Domain/ }).click();
    await page.getByRole('button', { name: 'Add text' }).click();
    await page.getByRole('dialog', { name: 'Add a text to the Domain' }).waitFor();

    const viewer = await enter('/admin/knowledge/barky?tab=Domain-KB', 'viewer');
    await viewer.getByText('This takes the role member; you have viewer.').waitFor();
    await viewer.getByText('The Domain is empty.').waitFor();
    assert.equal(await viewer.getByRole('button', { name: 'Upload files' }).count(), 0);
    await viewer.goto(`${guarded.url}/admin/knowledge?create=true`);
    await viewer.getByRole('row', { name: /Barky/ }).waitFor();
    assert.equal(await viewer.getByRole('dialog').count(), 0);

    const memory = await admin.call(routes.remember, { body: { text: 'The gong rings at noon.' } });
    await viewer.goto(`${guarded.url}/admin/memory?edit=${memory.id}`);
    for (const act of ['Edit', 'Merge', 'Delete']) {
      const button = viewer.getByRole('button', { name: new RegExp(`^${act} “The gong`) });
      assert.equal(await button.getAttribute('aria-disabled'), 'true', act);
      await button.press('Enter');
    }
    assert.equal(await viewer.getByRole('dialog').count(), 0);
  });

  it('a Soul that has no room refuses more, and says how much it may have', async () => {
    await persona('Barky');
    const page = await open('/admin/knowledge/barky?add=true');
    const form = page.getByRole('dialog', { name: 'Add a text to the Soul' });
    await form.getByRole('textbox', { name: 'Text' }).fill('I am a dog. '.repeat(1_700));
    await form.getByRole('button', { name: 'Add text' }).click();
    await form.getByText(/would make a Soul of [\d,]+ characters/).waitFor();
    assert.deepEqual(await documents('barky', 'Soul-KB'), []);
  });

  it('a task tells of its agent’s persona', async () => {
    const { id } = await persona('Barky');
    const agent = await client.call(routes.createAgent, { body: { name: 'Fetcher', persona_id: id } });
    const { task } = await client.call(routes.createTask, {
      body: { agent_id: agent.id, task_type: 'prompt', title: 'Fetch', payload: { prompt: 'fetch' } },
    });
    const page = await open(`/admin/agents/tasks?task=${task.id}`);
    await page.getByRole('dialog').getByRole('link', { name: 'Barky' }).click();
    await page.getByRole('heading', { name: 'Barky', level: 1 }).waitFor();
  });

  async function fillDomain(id: string): Promise<void> {
    await add(id, 'Domain-KB', PROTOCOLS, { source: 'handbook/protocols.md', tags: ['protocol', 'night'] });
    await add(id, 'Domain-KB', 'Sensors are read every ten seconds.', {
      title: 'A document with a title that goes on for so long that no phone shows it in one line, nor any table',
    });
    await client.call(routes.addDocument, {
      params: { id, kb: 'Domain-KB' },
      file: { name: 'sensors.csv', content: new Blob(['room,kind\nhall,motion\nkitchen,smoke\n']) },
    });
  }
});

const PROTOCOLS = `# Protocols
## At night
Movement at night is told to the owner at once, with the room and the time.
### When the alarm rings
Say which sensor it was; the alarm is never switched off by itself.
## By day
Movement by day is written down.
`;

const upload = (page: Page, name: string): Locator =>
  page.getByRole('list', { name: 'Uploads' }).getByRole('listitem', { name, exact: true });

/** Uploads files as the button does. */
async function choose(page: Page, files: Readonly<Record<string, string>>): Promise<void> {
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Upload', exact: true }).click();
  await (
    await chooser
  ).setFiles(Object.entries(files).map(([name, text]) => ({ name, mimeType: '', buffer: Buffer.from(text) })));
}

/** Drops a file on the knowledge base. */
async function drop(page: Page, name: string, text: string): Promise<void> {
  const data = await page.evaluateHandle(
    ([fileName, content]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([content!], fileName!));
      return transfer;
    },
    [name, text],
  );
  const base = page.getByRole('region', { name: 'Domain' });
  await base.dispatchEvent('dragenter', { dataTransfer: data });
  await page.locator('[data-over]').waitFor();
  await base.dispatchEvent('drop', { dataTransfer: data });
  await page.locator('[data-over]').waitFor({ state: 'detached' });
}

const dialog = (page: Page) => page.getByRole('dialog');
const GUARD = '/admin/knowledge/home-security';
const PLACES: Record<string, Place> = {
  personas: ['/admin/knowledge', (page) => page.locator('tbody tr').nth(2).waitFor()],
  'persona-form': [
    '/admin/knowledge?create=true',
    async (page) => {
      await dialog(page).getByRole('button', { name: 'Create persona' }).click();
      await page.locator('[aria-invalid="true"]').first().waitFor();
    },
  ],
  'no-persona': ['/admin/knowledge/nobody', (page) => page.getByText('The persona could not be loaded').waitFor()],
  'persona-in-use': [
    GUARD,
    async (page) => {
      await page.getByRole('button', { name: 'Delete', exact: true }).click();
      await dialog(page).getByRole('button', { name: 'Delete persona' }).click();
      await dialog(page).getByText('Takes it from an agent').waitFor();
    },
  ],
  soul: [GUARD, (page) => page.getByRole('link', { name: 'Who I am' }).waitFor()],
  domain: [`${GUARD}?tab=Domain-KB`, (page) => page.locator('tbody tr').nth(2).waitFor()],
  'domain-uploads': [
    `${GUARD}?tab=Domain-KB`,
    async (page) => {
      await choose(page, { 'rules of the house.md': '# Rules', 'broken.pdf': 'not a PDF' });
      await upload(page, 'broken.pdf').getByRole('alert').waitFor();
    },
  ],
  'no-documents': [`${GUARD}?tab=Mind-KB`, (page) => page.getByText('The Mind is empty.').waitFor()],
  'text-form': [
    `${GUARD}?tab=Mind-KB&add=true`,
    async (page) => {
      await dialog(page).getByRole('button', { name: 'Add text' }).click();
      await page.locator('[aria-invalid="true"]').first().waitFor();
    },
  ],
  document: [
    `${GUARD}?tab=Domain-KB&q=protocols`,
    async (page) => {
      await page.getByRole('link', { name: 'Protocols' }).click();
      await dialog(page).getByText('When the alarm rings').first().waitFor();
    },
  ],
  'agent-gets': [
    `${GUARD}?tab=search&ask=who+hears+of+movement+at+night`,
    (page) => page.getByRole('list', { name: 'Matches' }).waitFor(),
  ],
  'agent-gets-nothing': [`${GUARD}?tab=search&ask=zeppelin`, (page) => page.getByText('No chunk there').waitFor()],
  'search-all': [
    '/admin/knowledge?show=search&ask=alarm',
    (page) => page.getByRole('link', { name: 'Home security' }).waitFor(),
  ],
};
