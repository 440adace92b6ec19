import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { createClient, type Client } from '@reeve/client';
import { routes } from '@reeve/contract';
import { startMcpServer, startReeve, type Reeve, type TestMcpServer } from '@reeve/testing';
import type { Locator, Page } from 'playwright-core';
import { focusInDialog } from '../../../test/act.ts';
import { findChromium, SUITE_MS, type TestBrowser } from '../../../test/browser.ts';
import { lookAtPlaces, type Place } from '../../../test/look.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);
const SECRET = 'Bearer s3cr3t-of-the-lab';
const PROGRAM = '/mcp/packages/testing/src/mcp-program.ts';

describe('tools and MCP servers in the console', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let lab: TestMcpServer;
  let server: Reeve;
  let client: Client;
  let browser: TestBrowser;

  before(async () => {
    lab = stack.use(await startMcpServer());
    const environment = {
      REEVE_ALLOW_PRIVATE_URLS: 'true',
      TOOL_EXECUTOR_CIRCUIT_FAILURE_THRESHOLD: '2',
      REEVE_MCP_DIR: join(import.meta.dirname, '../../../../..'),
    };
    server = stack.use(await startReeve(environment));
    client = createClient({ baseUrl: server.url });
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  afterEach(async () => {
    lab.broken = undefined;
    const { servers } = await client.call(routes.listMcpServers);
    for (const { id } of servers) await client.call(routes.deleteMcpServer, { params: { id } });
    assert.deepEqual(await browser.settle(), []);
  });

  const add = (name: string) => client.call(routes.createMcpServer, { body: { name, url: lab.url } });
  const drawer = (page: Page) => page.getByRole('dialog', { name: 'MCP server', exact: true });
  const header = (form: Locator, name: string) => form.getByRole('textbox', { name: `Value of ${name}` });
  const seenLast = () => lab.seen.at(-1)?.headers.get('authorization');

  it('break no accessibility rule and fit a phone', async () => {
    const headers = { Authorization: SECRET, 'X-Team': 'research' };
    await client.call(routes.createMcpServer, {
      body: { name: 'laboratory', url: `${lab.url}?key=secret`, headers },
    });
    await client.call(routes.createMcpServer, { body: { name: 'far-away', url: 'http://127.0.0.1:9/mcp' } });
    await client.call(routes.createMcpServer, { body: { name: 'asleep', url: lab.url, enabled: false } });
    assert.deepEqual(await lookAtPlaces(browser, server.url, PLACES, process.env['REEVE_TEST_PICTURES']), []);
  });

  it('a server is added with its secrets, which are never shown again and stay while they are not typed anew', async () => {
    const page = await browser.visit(`${server.url}/admin/tools/mcp`, { expected: /status of (400|409)/ });
    await page.getByText('No MCP server has been added.').waitFor();
    await page.getByRole('button', { name: 'New server' }).click();
    const form = page.getByRole('dialog', { name: 'New MCP server' });
    await focusInDialog(page);
    await page.keyboard.press('Control+Enter');
    await form.locator('[aria-invalid="true"]').nth(1).waitFor();
    await form.getByRole('textbox', { name: 'Name' }).fill('lab');
    await form.getByRole('textbox', { name: 'Address' }).fill(lab.url);
    await form.getByRole('button', { name: 'Add a header' }).click();
    await form.getByRole('textbox', { name: 'Header' }).fill('Host');
    await header(form, 'Host').fill('elsewhere');
    await form.getByRole('button', { name: 'Add server' }).click();
    await form.getByText('must name none of the headers that belong to the connection').waitFor();
    await form.getByRole('textbox', { name: 'Header' }).fill('Authorization');
    await header(form, 'Authorization').fill(SECRET);
    await form.getByRole('button', { name: 'Add a header' }).click();
    await form.getByRole('textbox', { name: 'Header' }).nth(1).fill('authorization');
    await form.getByRole('button', { name: 'Add server' }).click();
    await form.getByText('is named above already').waitFor();
    await form.getByRole('button', { name: 'Take authorization out', exact: true }).click();
    await form.getByRole('button', { name: 'Add server' }).click();

    const details = drawer(page);
    await details.getByText('Authorization: ***').waitFor();
    await details.getByText('test-server 7.0.0').waitFor();
    await details.getByRole('heading', { name: 'Tools (6)' }).waitFor();
    await details.getByText('mcp__lab__put').click();
    await details.getByText('"value"').first().waitFor();
    assert.equal(seenLast(), SECRET);
    assert.ok(!(await page.content()).includes('s3cr3t'));

    await details.getByRole('button', { name: 'Edit' }).click();
    const edit = page.getByRole('dialog', { name: 'MCP server lab' });
    assert.equal(await header(edit, 'Authorization').inputValue(), '***');
    await edit.getByRole('textbox', { name: 'A call may take' }).fill('5,000 ms');
    await edit.getByRole('button', { name: 'Save server' }).click();
    await details.getByText('5.0 s').waitFor();
    await details.getByRole('button', { name: 'Test it now' }).click();
    await details.getByText(/^It answered in/).waitFor();
    assert.equal(seenLast(), SECRET);

    await details.getByRole('button', { name: 'Edit' }).click();
    await edit.getByRole('textbox', { name: 'Address' }).fill('http://127.0.0.1:9/mcp');
    await edit.getByRole('button', { name: 'Save server' }).click();
    await edit.getByText('must be given anew').waitFor();
    await edit.getByRole('textbox', { name: 'Address' }).fill(lab.url);
    await header(edit, 'Authorization').fill('Bearer another one');
    await edit.getByRole('button', { name: 'Save server' }).click();
    await details.waitFor();
    assert.equal(seenLast(), 'Bearer another one');

    await page.goto(`${server.url}/admin/tools/mcp?create=true`);
    await form.getByRole('textbox', { name: 'Name' }).fill('lab');
    await form.getByRole('textbox', { name: 'Address' }).fill(lab.url);
    await form.getByRole('button', { name: 'Add server' }).click();
    await form.getByText('is taken', { exact: true }).waitFor();
  });

  it('a program is added with its arguments and variables, and goes on without those that are not typed anew', async () => {
    const page = await browser.visit(`${server.url}/admin/tools/mcp?create=true`, { expected: /status of 400/ });
    const form = page.getByRole('dialog', { name: 'New MCP server' });
    await form.getByRole('textbox', { name: 'Name' }).fill('lab');
    await form.getByRole('combobox', { name: 'Where it is' }).selectOption('stdio');
    await form.getByRole('button', { name: 'Add server' }).click();
    await form.locator('[aria-invalid="true"]').first().waitFor();
    await form.getByRole('textbox', { name: 'Command' }).fill('node');
    await form.getByRole('textbox', { name: 'Arguments' }).fill(PROGRAM);
    await form.getByRole('button', { name: 'Add a variable' }).click();
    await form.getByRole('textbox', { name: 'Variable' }).fill('KEY');
    await header(form, 'KEY').fill(SECRET);
    await form.getByRole('button', { name: 'Add server' }).click();

    const details = drawer(page);
    await details.getByText(`node ${PROGRAM}`).waitFor();
    await details.getByText('KEY=***').waitFor();
    await details.getByText('test-server 7.0.0').waitFor();
    await details.getByRole('heading', { name: 'Tools (9)' }).waitFor();
    await details.getByRole('button', { name: 'Edit' }).click();
    const edit = page.getByRole('dialog', { name: 'MCP server lab' });
    await edit.getByRole('textbox', { name: 'Arguments' }).fill(`${PROGRAM}\n--old`);
    await edit.getByRole('button', { name: 'Save server' }).click();
    await edit.getByText('must be given anew').waitFor();
    await edit.getByRole('button', { name: 'Take KEY out' }).click();
    await edit.getByRole('button', { name: 'Save server' }).click();
    await details.getByText('2025-11-25').waitFor();
    await details.getByText(`node ${PROGRAM} --old`).waitFor();
    assert.equal(await details.getByText('KEY=***').count(), 0);
  });

  it('a test tells what came of it, and the list what state a server is in', async () => {
    await add('lab');
    lab.broken = 503;
    const page = await browser.visit(`${server.url}/admin/tools/mcp`);
    const row = page.getByRole('row', { name: /lab/ });
    await row.getByText('On', { exact: true }).waitFor();
    await row.getByRole('cell', { name: '6', exact: true }).waitFor();
    await page.keyboard.press('j');
    await page.locator('tbody a:focus').waitFor();
    await page.keyboard.press('Enter');
    const details = drawer(page);
    await details.getByRole('button', { name: 'Test it now' }).click();
    await details.getByText(/^It failed after/).waitFor();
    await details.getByText('Its tools could not be read last time').waitFor();
    await details.getByRole('heading', { name: 'Tools (6)' }).waitFor();
    await row.getByText('Not reached').waitFor();
    await details.getByRole('button', { name: 'Test it now' }).click();
    await row.getByText('Circuit open').waitFor();
    await page.goto(`${server.url}/admin/tools?source=mcp:lab`);
    await page.locator('tbody').getByText('Circuit open').first().waitFor();

    lab.broken = undefined;
    await page.goBack();
    await details.getByRole('button', { name: 'Test it now' }).click();
    await details.getByText(/^It answered in/).waitFor();
    await details.getByText('6 tools, MCP 2026-07-28').waitFor();
    await row.getByText('On', { exact: true }).waitFor();
  });

  it('a server is switched off and on, and deleted once that was confirmed', async () => {
    await add('lab');
    await add('other');
    const page = await browser.visit(`${server.url}/admin/tools/mcp`);
    const row = page.getByRole('row', { name: /lab/ });
    await row.getByRole('button', { name: 'Switch off lab' }).click();
    await row.getByText('Off', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'All tools' }).click();
    await page.getByText('mcp__other__put').waitFor();
    assert.equal(await page.getByText('mcp__lab__put').count(), 0);
    await page.goBack();
    await row.getByRole('button', { name: 'Switch on lab' }).click();
    await row.getByText('On', { exact: true }).waitFor();
    await row.getByRole('button', { name: 'Delete lab' }).click();
    const question = page.getByRole('dialog', { name: 'Delete the server' });
    await question.getByRole('button', { name: 'Keep it' }).click();
    await row.getByRole('button', { name: 'Delete lab' }).click();
    await question.getByRole('button', { name: 'Delete server' }).click();
    await row.waitFor({ state: 'detached' });
    const { servers } = await client.call(routes.listMcpServers);
    assert.deepEqual(
      servers.map(({ name }) => name),
      ['other'],
    );
  });

  it('tools are narrowed down in the address, opened, and told why they cannot be used', async () => {
    await add('lab');
    const page = await browser.visit(`${server.url}/admin/tools`);
    const rows = page.locator('tbody tr');
    const { tools } = await client.call(routes.listTools);
    await page.getByText(`${tools.length} tools`, { exact: true }).waitFor();
    assert.equal(await rows.count(), tools.length);
    await page.getByRole('searchbox', { name: 'Search tools' }).fill('web_search');
    await page.waitForURL(/q=web_search/);
    await page.getByText(new RegExp(`^[1-3] of ${tools.length} tools$`)).waitFor();
    await rows.getByText('Not available').waitFor();
    await page.getByRole('link', { name: 'web_search' }).click();
    const details = page.getByRole('dialog', { name: 'Tool' });
    await details.getByText('WEB_SEARCH_URL').first().waitFor();
    await details.getByRole('group', { name: 'Input schema' }).getByText('"query"').first().waitFor();
    await page.keyboard.press('Escape');
    await details.waitFor({ state: 'detached' });
    await page.getByRole('searchbox', { name: 'Search tools' }).fill('nothing has this');
    await page.getByText('No tool here has “nothing has this” in it.').waitFor();
    await page.getByRole('link', { name: 'Show all tools' }).click();
    await page.getByRole('combobox', { name: 'Source' }).click();
    await page.getByRole('option', { name: 'MCP server lab' }).click();
    await page.waitForURL(/source=mcp/);
    await page.getByText(`6 of ${tools.length} tools`).waitFor();
    await page.reload();
    await page.getByText(`6 of ${tools.length} tools`).waitFor();
    await page.getByRole('link', { name: 'mcp__lab__put' }).click();
    await details.getByText('one that was cut off is made again').waitFor();
    await details.getByRole('link', { name: 'MCP server lab' }).click();
    await page.getByRole('heading', { name: 'MCP servers', level: 1 }).waitFor();
  });

  it('those of another client are added from its JSON, and each says what became of it', async () => {
    const page = await browser.visit(`${server.url}/admin/tools/mcp`, { expected: /status of 400/ });
    await page.getByRole('button', { name: 'Import' }).click();
    const text = dialog(page).getByRole('textbox', { name: 'Configuration of another client' });
    await text.fill('{"mcpServers": ');
    await dialog(page)
      .getByText(/must be JSON/)
      .waitFor();
    await text.fill(JSON.stringify(PASTED(lab.url)));
    const servers = dialog(page).getByRole('list', { name: 'Servers' }).getByRole('listitem');
    assert.equal(await servers.count(), 4);
    await servers.filter({ hasText: 'time' }).getByText('mcp add time -- uvx mcp-server-time').waitFor();
    await text.press('Control+Enter');
    await servers.filter({ hasText: 'lab' }).getByText('Added, with 6 tools').waitFor();
    await servers.filter({ hasText: 'far-away' }).getByText('Added, but does not answer').waitFor();
    await servers.filter({ hasText: 'wrong' }).getByText('Not added').waitFor();
    await dialog(page).getByRole('button', { name: 'Add server' }).waitFor();
    assert.equal(seenLast(), SECRET);
    await page.keyboard.press('Escape');
    await page.getByRole('link', { name: 'lab', exact: true }).waitFor();
    const { servers: stored } = await client.call(routes.listMcpServers);
    assert.deepEqual(stored.map(({ name }) => name).sort(), ['far-away', 'lab']);
  });
});

/** Another client’s configuration: one that works, one that is out of reach, one that is refused and a package. */
const PASTED = (url: string) => ({
  mcpServers: {
    Lab: { url, headers: { Authorization: SECRET } },
    'far-away': { url: 'http://127.0.0.1:9/mcp' },
    wrong: { url: 'ftp://127.0.0.1/mcp' },
    time: { command: 'uvx', args: ['mcp-server-time'] },
  },
});

const dialog = (page: Page) => page.getByRole('dialog');
const openServer = async (page: Page, name: string): Promise<void> => {
  await page.getByRole('link', { name, exact: true }).click();
  await dialog(page).getByRole('button', { name: 'Test it now' }).click();
};

const PLACES: Record<string, Place> = {
  tools: ['/admin/tools', (page) => page.locator('tbody tr').nth(20).waitFor()],
  tool: ['/admin/tools?q=web&tool=web_search', (page) => dialog(page).getByText('Input schema').waitFor()],
  'mcp-servers': ['/admin/tools/mcp', (page) => page.getByText('Not reached').waitFor()],
  'mcp-server': [
    '/admin/tools/mcp',
    async (page) => {
      await openServer(page, 'laboratory');
      await dialog(page)
        .getByText(/^It answered in/)
        .waitFor();
      await dialog(page).getByText('mcp__laboratory__put').click();
      await dialog(page).getByText('"value"').first().waitFor();
    },
  ],
  'mcp-server-away': [
    '/admin/tools/mcp',
    async (page) => {
      await openServer(page, 'far-away');
      await dialog(page)
        .getByText(/^It failed after/)
        .waitFor();
    },
  ],
  'mcp-program': [
    '/admin/tools/mcp?create=true',
    async (page) => {
      await dialog(page).getByRole('combobox', { name: 'Where it is' }).selectOption('stdio');
      await dialog(page).getByRole('button', { name: 'Add a variable' }).click();
      await dialog(page).getByRole('button', { name: 'Add server' }).click();
      await dialog(page).locator('[aria-invalid="true"]').first().waitFor();
    },
  ],
  'mcp-import': [
    '/admin/tools/mcp?import=true',
    async (page) => {
      const text = JSON.stringify(PASTED('http://127.0.0.1:10/mcp'), null, 2);
      await dialog(page).getByRole('textbox').fill(text);
      await dialog(page).getByText('Its package is installed first').waitFor();
    },
  ],
  'mcp-form': [
    '/admin/tools/mcp',
    async (page) => {
      await page.getByRole('link', { name: 'Edit laboratory' }).click();
      await dialog(page).getByRole('textbox', { name: 'Address' }).fill('http://127.0.0.1:10/mcp');
      await dialog(page).getByRole('button', { name: 'Save server' }).click();
      await dialog(page).getByText('must be given anew').first().waitFor();
    },
  ],
};
