import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { ClientError, createClient, type Client } from '@reeve/client';
import { routes, type Role } from '@reeve/contract';
import {
  createTestDatabase,
  startReeve,
  startServer,
  type Reeve,
  type ServerProcess,
  type TestDatabase,
} from '@reeve/testing';
import type { Page } from 'playwright-core';
import { focusInDialog } from '../test/act.ts';
import { findChromium, SUITE_MS, type TestBrowser } from '../test/browser.ts';
import { lookAtPlaces, type Place } from '../test/look.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);
const BOOTSTRAP = 'rv_bootstrap-only-for-tests';
const JWT_SECRET = 'a secret of tokens that is only for tests';
const TENANTS = `default:
  routing: { deny: [experimental-*] }
acme:
  fail_open: false
  budgets: { default: 500000, qa_bot: 750000 }
  budgets_usd: { default: "250.00" }
  rate_limits: { requests_per_minute: 1200, concurrent_runs: 20 }
  tools: { deny: [bash_execute], approve: ["web_*", http_request] }
`;

describe('administration', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let server: Reeve;
  let client: Client;
  let run: string;
  let browser: TestBrowser;

  before(async () => {
    const { place, environment } = await placeAdminServer();
    server = stack.use(await startReeve(environment, place));
    client = createClient({ baseUrl: server.url });
    run = await fill(client);
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  /** A database with a file of tenants beside it, and the settings of a server on it. */
  async function placeAdminServer(): Promise<{ place: TestDatabase; environment: Record<string, string> }> {
    const place = await createTestDatabase();
    const tenants = join(place.dataDirectory, 'tenants.yaml');
    await writeFile(tenants, TENANTS);
    // A machine that is busy with other tests is no reason to put requests off.
    return { place, environment: { REEVE_MAX_LOOP_DELAY_MS: '0', REEVE_TENANTS_FILE: tenants } };
  }

  it('breaks no accessibility rule and fits a phone', async () =>
    assert.deepEqual(await lookAtPlaces(browser, server.url, placesOf(run), process.env['REEVE_TEST_PICTURES']), []));

  it('makes a key whose secret is shown once, rotates it, and revokes it by its name', async () => {
    const page = await browser.visit(`${server.url}/admin/keys`, { expected: /status of 400/ });
    await page.getByRole('button', { name: 'New key' }).click();
    const form = page.getByRole('dialog', { name: 'New key' });
    await focusInDialog(page);
    await page.keyboard.press('Control+Enter');
    await form.locator('[aria-invalid="true"]').waitFor();
    await form.getByRole('textbox', { name: 'Name' }).fill('deploy bot');
    await form.getByRole('combobox', { name: 'Role' }).click();
    await page.getByRole('option', { name: 'operator' }).click();
    await form.getByRole('button', { name: 'Create key' }).click();
    const first = await takeSecret(page, 'The key “deploy bot” is made');
    assert.match(first, /^rv_\w{12}_\w{49}$/);
    assert.equal(await mayAct(server.url, first), true);
    const row = page.getByRole('row', { name: /deploy bot/ });
    await row.getByText('operator').waitFor();
    await row.getByText(`${first.slice(0, 15)}…${first.slice(-4)}`).waitFor();
    await row.getByRole('cell', { name: 'in 90 d', exact: true }).waitFor();
    assert.ok(!(await heldSomewhere(page, first)), 'the secret is gone with its dialog');

    await row.getByRole('button', { name: 'Rotate deploy bot' }).click();
    await page.getByRole('dialog', { name: 'Rotate the key' }).getByRole('button', { name: 'Rotate key' }).click();
    const second = await takeSecret(page, 'The key “deploy bot” has a new secret');
    assert.deepEqual([await mayAct(server.url, first), await mayAct(server.url, second)], [true, true]);
    await row.getByText('The secret before is accepted until').waitFor();

    await row.getByRole('button', { name: 'Revoke deploy bot' }).click();
    const revoke = page.getByRole('dialog', { name: 'Revoke the key' });
    await revoke.getByRole('textbox', { name: 'Name of the key' }).fill('deploy');
    await revoke.getByRole('button', { name: 'Revoke key' }).click();
    await revoke.getByText('type the name as it is written above').waitFor();
    await revoke.getByRole('textbox', { name: 'Name of the key' }).fill('deploy bot');
    await revoke.getByRole('button', { name: 'Revoke key' }).click();
    await revoke.waitFor({ state: 'detached' });
    await row.getByText('Revoked').waitFor();
    assert.equal(await mayAct(server.url, second), false);

    await page.getByRole('navigation', { name: 'Keys by status' }).getByText('Expired').click();
    await page.getByText('No key is expired.').waitFor();
    await page.getByRole('navigation', { name: 'Keys by status' }).getByText('Revoked').click();
    await page.waitForURL(/status=revoked/);
    await row.getByRole('link', { name: 'deploy bot' }).click();
    await page.waitForURL(/\/admin\/audit\?actor=key-/);
  });

  it('shows what holds for a tenant and from where, sets values before the file, and gives them back', async () => {
    const page = await browser.visit(`${server.url}/admin/tenants`, { expected: /status of (400|409)/ });
    const rows = page.locator('tbody tr');
    await rows.nth(1).waitFor();
    await page.getByRole('searchbox', { name: 'Search tenants' }).fill('ACM');
    await page.waitForURL(/q=ACM/);
    await rows.nth(1).waitFor({ state: 'detached' });
    await rows.getByRole('link', { name: 'acme' }).click();
    await page.waitForURL(/\/admin\/tenants\/acme$/);
    const value = (path: string) => page.locator(`[data-path="${path}"]`);
    await value('budgets.qa_bot').getByText('750,000').waitFor();
    await value('budgets.qa_bot').getByText('file', { exact: true }).waitFor();
    await value('routing.deny').getByText('file, for all').waitFor();
    await value('routing.allow').getByText('default', { exact: true }).waitFor();

    await page.getByRole('button', { name: 'Change Budgets' }).click();
    const budgets = page.getByRole('dialog', { name: 'Budgets' });
    await budgets.getByRole('textbox', { name: 'default: tokens a month' }).fill('a lot');
    await budgets.getByRole('textbox', { name: 'default: dollars a month' }).fill('9000001');
    await budgets.getByRole('button', { name: 'Save' }).click();
    await budgets.getByText('must be a whole number').waitFor();
    await budgets.getByRole('textbox', { name: 'default: tokens a month' }).fill('1,000,000');
    await budgets.getByRole('button', { name: 'Save' }).click();
    await budgets.getByText(/up to 9000000/).waitFor();
    await budgets.getByRole('textbox', { name: 'default: dollars a month' }).fill('300.50');
    await budgets.getByRole('textbox', { name: 'One more persona' }).fill('scout');
    await budgets.getByRole('textbox', { name: 'One more persona' }).press('Enter');
    await budgets.getByRole('textbox', { name: 'scout: tokens a month' }).fill('7');
    await budgets.getByRole('button', { name: 'Save' }).click();
    await budgets.waitFor({ state: 'detached' });
    await value('budgets.scout').getByText('set here').waitFor();
    await value('budgets_usd.default').getByText('$300.50').waitFor();

    await page.getByRole('button', { name: 'Change Tools' }).click();
    const tools = page.getByRole('dialog', { name: 'Tools' });
    await tools.getByRole('textbox', { name: 'Denied' }).fill('bash_*\n\nrun_code');
    await tools.getByRole('button', { name: 'Save' }).click();
    await value('tools.deny').getByText('run_code').waitFor();
    const { overrides } = await client.call(routes.getTenant, { params: { id: 'acme' } });
    assert.deepEqual(overrides, {
      budgets: { default: 1_000_000, scout: 7 },
      budgets_usd: { default: '300.50' },
      tools: { deny: ['bash_*', 'run_code'] },
    });

    await page.getByRole('button', { name: 'Change Memory' }).click();
    const memory = page.getByRole('dialog', { name: 'Memory' });
    await memory.getByRole('combobox', { name: 'Facts from conversations' }).click();
    await page.getByRole('option', { name: 'A model looks for facts' }).click();
    await memory.getByRole('textbox', { name: 'Texts are refused that match' }).fill('(?=nightfall)');
    await memory.getByRole('button', { name: 'Save' }).click();
    await memory
      .getByText(/invalid|not a pattern|RE2/i)
      .last()
      .waitFor();
    await memory.getByRole('textbox', { name: 'Texts are refused that match' }).fill('(?i)nightfall');
    await memory.getByRole('button', { name: 'Save' }).click();
    await value('memory.refuse').getByText('(?i)nightfall').waitFor();
    await value('memory.extract').getByText('A model looks for facts').waitFor();

    await page.getByRole('button', { name: 'Change Tools' }).click();
    await tools.getByRole('button', { name: 'Reset Denied' }).click();
    await tools.getByRole('button', { name: 'Save' }).click();
    await value('tools.deny').getByText('bash_execute').waitFor();
    await value('tools.deny').getByText('file', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Reset all' }).click();
    await page.getByRole('dialog', { name: 'Reset all values' }).getByRole('button', { name: 'Reset all' }).click();
    await value('budgets.scout').waitFor({ state: 'detached' });
    await value('budgets.default').getByText('500,000').waitFor();

    await page.getByRole('navigation', { name: 'Administration' }).getByRole('link', { name: 'Tenants' }).click();
    await page.getByRole('button', { name: 'New tenant' }).click();
    const form = page.getByRole('dialog', { name: 'New tenant' });
    await form.getByRole('textbox', { name: 'Id' }).fill('not an id');
    await form.getByRole('button', { name: 'Create tenant' }).click();
    await form.getByText(/must be 1 to 64 letters/).waitFor();
    await form.getByRole('textbox', { name: 'Id' }).fill('acme');
    await form.getByRole('button', { name: 'Create tenant' }).click();
    await form.getByText('there is a tenant acme already').waitFor();
    await form.getByRole('textbox', { name: 'Id' }).fill('globex');
    await form.getByRole('textbox', { name: 'Name' }).fill('Globex Corporation');
    await form.getByRole('button', { name: 'Create tenant' }).click();
    await page.waitForURL(/\/admin\/tenants\/globex$/);
    await page.getByText('Globex Corporation').waitFor();
  });

  it('narrows the audit log down, shows an entry whole, and leads to its run', async () => {
    const page = await browser.visit(`${server.url}/admin/audit`);
    const rows = page.locator('tbody tr');
    await rows.first().waitFor();
    await page.getByRole('textbox', { name: 'Run' }).fill(run);
    await page.waitForURL(/run=/);
    await page.getByRole('combobox', { name: 'Action' }).fill('plan_end');
    await page.waitForURL(/action=PLAN_END/);
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
    await page.reload();
    assert.equal(await page.getByRole('combobox', { name: 'Action' }).inputValue(), 'PLAN_END');
    await rows.getByRole('link', { name: 'Plan end' }).click();
    const entry = page.getByRole('dialog', { name: 'Entry' });
    await entry.getByText('Hash before').waitFor();
    assert.match(await entry.innerText(), /\b[0-9a-f]{64}\b/);
    await entry.getByRole('link', { name: 'all of it' }).click();
    await page.waitForURL(/\/admin\/audit\?trace=/);
    await rows.nth(2).waitFor();
    await page.goto(`${server.url}/admin/audit?to=2001-01-01T00:00:00.000Z`);
    await page.getByText('No entry matches.').waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    await rows.nth(2).waitFor();

    await client.call(routes.createKey, { body: { name: 'made meanwhile', role: 'viewer' } });
    await page.getByRole('button', { name: 'Show newer entries' }).click();
    await rows.first().getByText('Key created').waitFor();
    await page.goto(`${server.url}/admin/audit?run=${run}`);
    await rows.getByRole('link', { name: /^run/ }).first().click();
    await page.waitForURL(`${server.url}/runs/${run}`);
  });

  it('proves that the log is whole, and says where it is not', async () => {
    const page = await browser.visit(`${server.url}/admin/audit`);
    await page.getByRole('button', { name: 'Verify' }).click();
    const dialog = page.getByRole('dialog', { name: 'Verify the log' });
    await dialog.getByRole('button', { name: 'Verify' }).click();
    await dialog.getByText('The log is whole.').waitFor();
    const hash = /[0-9a-f]{64}/.exec(await dialog.innerText())?.[0] ?? '';
    const number = /number ([\d,]+)/.exec(await dialog.innerText())?.[1] ?? '';

    const compare = async (head: string): Promise<void> => {
      await dialog.getByRole('button', { name: 'Again' }).click();
      if (!(await dialog.getByRole('textbox', { name: 'Hash' }).isVisible()))
        await dialog.getByText('Compare with a head').click();
      await dialog.getByRole('textbox', { name: 'Number' }).fill(number);
      await dialog.getByRole('textbox', { name: 'Hash' }).fill(head);
      await dialog.getByRole('button', { name: 'Verify' }).click();
    };
    await compare(hash);
    await dialog.getByText('The head that you gave is on the chain.').waitFor();
    await compare('ab'.repeat(32));
    await dialog.getByText('The log is broken.').waitFor();
    await dialog.getByText(`At number ${number} the chain has another hash than the one you gave`).waitFor();
    await dialog.getByRole('button', { name: 'Again' }).click();
    await dialog.getByText('Compare with a head').click();
    await dialog.getByRole('textbox', { name: 'Hash' }).fill('short');
    await dialog.getByRole('button', { name: 'Verify' }).click();
    await dialog.getByText(/64 hexadecimal digits/).waitFor();
  });

  it('hands the log out as a file of JSON Lines that is whole', async () => {
    const page = await browser.visit(`${server.url}/admin/audit`);
    await page.getByRole('button', { name: 'Export' }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('dialog', { name: 'Export the log' }).getByRole('button', { name: 'Download' }).click();
    const file = await download;
    assert.match(file.suggestedFilename(), /^audit-.*\.jsonl$/);
    const lines = (await readFile(await file.path(), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    assert.deepEqual(lines.at(-1)?.exported, lines.length - 1);
    assert.deepEqual([lines[0]?.number, lines.at(-2)?.number], [1, lines.length - 1]);
    await page.getByRole('dialog').getByText(`entries are in ${file.suggestedFilename()}`).waitFor();
  });

  it('shows every setting with its origin, changes one that can be, and takes that back', async () => {
    const page = await browser.visit(`${server.url}/admin/settings`, { expected: /status of 400/ });
    const setting = (name: string) => page.getByRole('listitem', { name, exact: true });
    await setting('REEVE_TENANTS_FILE').getByText('environment').waitFor();
    await setting('REEVE_TENANTS_FILE').getByText('at start').waitFor();
    await page.getByRole('searchbox', { name: 'Search settings' }).fill('execute waits');
    await page.waitForURL(/q=execute/);
    await setting('REEVE_TENANTS_FILE').waitFor({ state: 'detached' });
    await setting('GATEWAY_TIMEOUT_MS').getByRole('button', { name: 'Change GATEWAY_TIMEOUT_MS' }).click();
    const form = page.getByRole('dialog', { name: 'Change a setting' });
    await form.getByRole('textbox', { name: 'Value' }).fill('0');
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('it must be at least 1').waitFor();
    await form.getByRole('textbox', { name: 'Value' }).fill('7000');
    await form.getByRole('button', { name: 'Save' }).click();
    await setting('GATEWAY_TIMEOUT_MS').getByText('set here').waitFor();
    await setting('GATEWAY_TIMEOUT_MS').getByText('10000 without it').waitFor();
    await page.getByRole('navigation', { name: 'Which settings' }).getByText('Can be changed here').click();
    await page.waitForURL(/show=changeable/);
    await setting('GATEWAY_TIMEOUT_MS').getByRole('button').click();
    await form.getByRole('button', { name: 'Reset' }).click();
    await setting('GATEWAY_TIMEOUT_MS').getByText('default', { exact: true }).waitFor();
    await page.getByRole('searchbox', { name: 'Search settings' }).fill('nothing has this');
    await page.getByText('No setting here has “nothing has this” in it.').waitFor();
  });

  it('tells which budget binds the calls of an agent', async () => {
    const page = await browser.visit(`${server.url}/admin/usage`);
    const bound = page.getByRole('group', { name: 'What may still be used' });
    await bound.getByText('Bound by “Everything”: $10.00').waitFor();
    await bound.getByText('no limit', { exact: true }).waitFor();
    await bound.getByRole('combobox', { name: 'Calls of' }).click();
    await page.getByRole('option', { name: 'Assistant' }).click();
    await page.waitForURL(/who=assistant/);
    await bound.getByText('Bound by “Agent assistant”: 5,000 tokens').waitFor();
    await page.getByRole('listitem', { name: 'Agent assistant' }).getByText('binds in tokens').waitFor();
    await page.getByText('The same as a table').click();
    await page
      .getByRole('group', { name: /by day$/ })
      .getByRole('row')
      .nth(2)
      .waitFor();
  });

  it('is reached by keys and by the palette', async () => {
    const page = await browser.visit(`${server.url}/runs`);
    await page.getByRole('heading', { name: 'Runs' }).waitFor();
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Administration' }).click();
    await page.getByRole('heading', { name: 'API keys' }).waitFor();
    for (const [key, heading] of [
      ['n', 'Tenants'],
      ['l', 'Audit log'],
      ['o', 'Tools'],
      ['m', 'MCP servers'],
      ['e', 'Settings'],
      ['k', 'API keys'],
    ] as const) {
      await page.keyboard.press('g');
      await page.keyboard.press(key);
      await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
    }
    await page.keyboard.press('j');
    await page.locator('tbody a:focus').waitFor();
    await page.keyboard.press('Control+k');
    const palette = page.getByRole('dialog', { name: 'Command palette' });
    await palette.getByRole('textbox', { name: 'Search commands' }).fill('audit');
    await palette.locator('[data-selected]', { hasText: 'Audit log' }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Audit log' }).waitFor();
  });

  it('says what could not be read, and offers to try again', async () => {
    const page = await browser.visit(server.url, { expected: /status of 503/ });
    for (const [path, api, title] of [
      ['/admin/keys', '**/api/v1/keys?*', 'The keys could not be loaded'],
      ['/admin/audit', '**/api/v1/audit?*', 'The log could not be loaded'],
      ['/admin/tools', '**/api/v1/tools', 'The tools could not be loaded'],
      ['/admin/tools/mcp', '**/api/v1/mcp/servers?*', 'The servers could not be loaded'],
    ] as const) {
      await page.route(api, (route) => route.fulfill({ status: 503, json: FAILURE }));
      await page.goto(server.url + path);
      await page.getByRole('alert').getByText(title).waitFor();
      await page.unroute(api);
      await page.getByRole('button', { name: 'Try again' }).click();
      await page.getByRole('alert').waitFor({ state: 'detached' });
    }
  });

  describe('of a server that asks who you are', () => {
    let guarded: ServerProcess;
    const keys: Partial<Record<Role, string>> = {};
    const expected = { expected: /status of (401|403)|net::ERR_/ };

    before(async () => {
      const { place, environment } = await placeAdminServer();
      const guards = { REEVE_API_KEY: BOOTSTRAP, REEVE_JWT_SECRET: JWT_SECRET };
      guarded = stack.use(await startServer({ ...stack.use(place), environment: { ...environment, ...guards } }));
      const admin = createClient({ baseUrl: guarded.url, apiKey: BOOTSTRAP });
      for (const role of ['viewer', 'operator'] as const)
        keys[role] = (await admin.call(routes.createKey, { body: { name: role, role } })).secret ?? '';
    });

    const signIn = async (page: Page, key: string): Promise<void> => {
      await page.getByRole('textbox', { name: 'API key' }).fill(key);
      await page.getByRole('button', { name: 'Sign in' }).click();
    };
    const who = async (page: Page): Promise<string> => {
      await page.getByRole('button', { name: /^Signed in: / }).click();
      return page.getByRole('dialog', { name: /^Signed in: / }).innerText();
    };

    it('a viewer is offered what can be looked at alone, and told why where the address asks for more', async () => {
      const page = await browser.visit(`${guarded.url}/admin/keys`, expected);
      await signIn(page, 'rv_mistyped');
      await page.getByText('is not a key as this server makes them').waitFor();
      await signIn(page, keys.viewer!);
      await page.getByText('This page needs the role admin; you have viewer.').waitFor();
      const strip = page.getByRole('navigation', { name: 'Administration' });
      assert.deepEqual(await strip.getByRole('link').allInnerTexts(), ['Tools', 'Knowledge', 'Memory']);
      assert.equal(await page.getByRole('button', { name: 'New key' }).count(), 0);
      await page.goto(`${guarded.url}/admin/usage`);
      await page.getByText('Nothing is limited.').waitFor();
      assert.equal(await page.getByRole('button', { name: 'Set a budget' }).count(), 0);
      await page.getByRole('link', { name: 'Administration' }).click();
      await page.getByRole('link', { name: 'calculator' }).waitFor();
      await page.getByRole('link', { name: 'MCP servers' }).click();
      await page.getByText('No MCP server has been added.').waitFor();
      assert.equal(await page.getByRole('button', { name: /server/ }).count(), 0);
      const told = await who(page);
      assert.match(told, new RegExp(`${keys.viewer!.slice(0, 15)}[^]*viewer[^]*default`));
      assert.ok(!told.includes(keys.viewer!));
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.waitForURL(/\/sign-in/);
      const kept = await page.evaluate(() => Object.keys(sessionStorage).filter((name) => name.startsWith('reeve.')));
      assert.deepEqual(kept, []);
      const admin = createClient({ baseUrl: guarded.url, apiKey: BOOTSTRAP });
      const { keys: made } = await admin.call(routes.listKeys);
      const actor = `key-${made.find(({ role }) => role === 'viewer')?.id}`;
      const { total } = await admin.call(routes.listAudit, { query: { action: 'CALL_DENIED', actor } });
      assert.equal(total, 1, 'the role is found out once');
    });

    it('a viewer sees the files of a session and changes none', async () => {
      const admin = createClient({ baseUrl: guarded.url, apiKey: BOOTSTRAP });
      const { session_id: id } = await admin.call(routes.query, { body: { message: 'hello' } });
      const upload = new Blob(['hello']);
      await admin.call(routes.uploadFile, { params: { id }, query: { path: 'a.txt' }, upload });
      const page = await browser.visit(`${guarded.url}/chat/${id}?files=/`, expected);
      await signIn(page, keys.viewer!);
      const panel = page.getByRole('dialog', { name: 'Files of the session' });
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        panel.getByRole('button', { name: 'a.txt', exact: true }).click(),
      ]);
      assert.equal(await readFile(await file.path(), 'utf8'), 'hello');
      assert.equal(await panel.getByRole('button', { name: /^(Upload|Delete)/ }).count(), 0);
    });

    it('an operator has the audit log and the tools', async () => {
      const page = await browser.visit(`${guarded.url}/runs`, expected);
      await signIn(page, keys.operator!);
      await page.getByRole('link', { name: 'Administration' }).click();
      await page.getByRole('heading', { name: 'Audit log' }).waitFor();
      await page.locator('tbody tr').first().waitFor();
      const strip = page.getByRole('navigation', { name: 'Administration' });
      assert.deepEqual(await strip.getByRole('link').allInnerTexts(), ['Audit', 'Tools', 'Knowledge', 'Memory']);
      await strip.getByRole('link', { name: 'Tools' }).click();
      await page.getByRole('link', { name: 'MCP servers' }).click();
      await page.getByRole('button', { name: 'New server' }).waitFor();
    });

    it('a token is as good as a key, and its tenant sees itself alone', async () => {
      const page = await browser.visit(`${guarded.url}/admin/tenants`, expected);
      await signIn(page, tokenOf({ sub: 'ada@example.org', tenant_id: 'acme', roles: ['admin'] }));
      await page.locator('tbody').getByRole('link', { name: 'acme' }).waitFor();
      assert.equal(await page.locator('tbody tr').count(), 1);
      assert.equal(await page.getByRole('button', { name: 'New tenant' }).count(), 0);
      assert.match(await who(page), /ada@example\.org[^]*admin[^]*acme/);
    });

    it('a key that is revoked leads to the sign-in, and a server that is gone is called that', async () => {
      const admin = createClient({ baseUrl: guarded.url, apiKey: BOOTSTRAP });
      const { id, secret } = await admin.call(routes.createKey, { body: { name: 'short', role: 'admin' } });
      const page = await browser.visit(`${guarded.url}/admin/keys`, expected);
      await signIn(page, secret!);
      await page.getByRole('row', { name: /short/ }).waitFor();
      await admin.call(routes.revokeKey, { params: { id } });
      await page.reload();
      await page.getByText('The server no longer takes the key that you gave').waitFor();
      await guarded.end('SIGKILL');
      await signIn(page, BOOTSTRAP);
      await page.getByText(/can't be reached/).waitFor();
    });
  });
});

interface Line {
  readonly number?: number;
  readonly exported?: number;
}

const FAILURE = {
  error: 'the database does not answer',
  code: 'unavailable',
  request_id: 'r',
  trace_id: 't',
  duration_ms: 1,
  service: 'gateway',
};

/** Gives a server keys of every status, budgets, overrides and a run; the run's id. */
async function fill(client: Client): Promise<string> {
  let run = '';
  for await (const event of client.stream(routes.chat, {
    body: { agent_config_id: 'assistant', message: 'What is 17 * 23?', stream: true },
  }))
    run = event.run_id;
  const nightly = {
    name: 'nightly import with a name that goes on for so long that no phone shows it in a line',
    role: 'member',
  } as const;
  const soon = new Date(Date.now() + 12 * 86_400_000).toISOString();
  const { id } = await client.call(routes.createKey, { body: { ...nightly, expires_at: soon } });
  await client.call(routes.rotateKey, { params: { id }, body: { grace_seconds: 86_400 } });
  await client.call(routes.createKey, { body: { name: 'dashboard', role: 'viewer' } });
  const old = await client.call(routes.createKey, { body: { name: 'old laptop', role: 'admin' } });
  await client.call(routes.revokeKey, { params: { id: old.id } });
  await client.call(routes.putBudget, { body: { scope: 'tenant', limit_usd: '10' } });
  await client.call(routes.putBudget, { body: { scope: 'agent', ref: 'assistant', limit_tokens: 5_000 } });
  await client.call(routes.updateTenant, {
    params: { id: 'default' },
    body: {
      name: 'Head office',
      overrides: { rate_limits: { requests_per_minute: 600 }, routing: { allow: ['meta-llama/*', 'gpt-?'] } },
    },
  });
  return run;
}

function placesOf(run: string): Record<string, Place> {
  const dialog = (page: Page) => page.getByRole('dialog');
  return {
    keys: ['/admin/keys', (page) => page.locator('tbody tr').nth(2).waitFor()],
    'key-form': [
      '/admin/keys?create=true',
      async (page) => {
        await page.getByRole('button', { name: 'Create key' }).click();
        await page.locator('[aria-invalid="true"]').first().waitFor();
      },
    ],
    'keys-none': ['/admin/keys?status=expired', (page) => page.getByText('No key is expired.').waitFor()],
    tenants: ['/admin/tenants', (page) => page.locator('tbody tr').nth(1).waitFor()],
    tenant: ['/admin/tenants/default', (page) => page.getByText('set here').first().waitFor()],
    'tenant-budgets': [
      '/admin/tenants/acme',
      async (page) => {
        await page.getByRole('button', { name: 'Change Budgets' }).click();
        await dialog(page).getByRole('textbox', { name: 'default: tokens a month' }).fill('a lot');
        await dialog(page).getByRole('button', { name: 'Save' }).click();
        await page.locator('[aria-invalid="true"]').first().waitFor();
      },
    ],
    'no-tenant': ['/admin/tenants/nobody', (page) => page.getByText('The tenant could not be loaded').waitFor()],
    audit: ['/admin/audit', (page) => page.locator('tbody tr').nth(5).waitFor()],
    'audit-entry': [
      `/admin/audit?run=${run}&action=PLAN_END`,
      async (page) => {
        await page.getByRole('link', { name: 'Plan end' }).click();
        await dialog(page).getByText('Hash before').waitFor();
      },
    ],
    'audit-broken': [
      '/admin/audit',
      async (page) => {
        await page.getByRole('button', { name: 'Verify' }).click();
        await dialog(page).getByText('Compare with a head').click();
        await dialog(page).getByRole('textbox', { name: 'Number' }).fill('1');
        await dialog(page).getByRole('textbox', { name: 'Hash' }).fill('ab'.repeat(32));
        await dialog(page).getByRole('button', { name: 'Verify' }).click();
        await dialog(page).getByText('The log is broken.').waitFor();
      },
    ],
    settings: ['/admin/settings', (page) => page.getByRole('listitem', { name: 'REEVE_PORT' }).waitFor()],
    setting: [
      '/admin/settings?show=changeable',
      async (page) => {
        await page.getByRole('button', { name: 'Change REEVE_DEFAULT_AGENT' }).click();
        await dialog(page).getByRole('button', { name: 'Save' }).waitFor();
      },
    ],
    'budgets-bound': [
      '/admin/usage?who=assistant',
      async (page) => {
        await page.getByText('binds in tokens').waitFor();
        await page.getByRole('heading', { name: 'Calls' }).scrollIntoViewIfNeeded();
      },
    ],
    account: [
      '/runs',
      async (page) => {
        await page.getByRole('button', { name: /^Signed in: admin of default/ }).click();
        await dialog(page).getByText('admin', { exact: true }).waitFor();
      },
    ],
  };
}

/** Reads the secret that a dialog shows, and closes it. */
async function takeSecret(page: Page, title: string): Promise<string> {
  const dialog = page.getByRole('dialog', { name: title });
  const secret = await dialog.getByRole('group', { name: 'Secret of the key' }).innerText();
  await page.keyboard.press('Escape');
  assert.ok(await dialog.isVisible(), 'a secret is not closed by accident');
  await dialog.getByRole('button', { name: 'Done' }).click();
  await dialog.waitFor({ state: 'detached' });
  return secret;
}

/** Whether the page or what it keeps still shows a text. */
const heldSomewhere = (page: Page, text: string): Promise<boolean> =>
  page.evaluate(
    (secret) =>
      document.documentElement.outerHTML.includes(secret) ||
      JSON.stringify([Object.entries(sessionStorage), Object.entries(localStorage), location.href]).includes(secret),
    text,
  );

async function mayAct(url: string, apiKey: string): Promise<boolean> {
  try {
    await createClient({ baseUrl: url, apiKey }).call(routes.getVersion);
    return true;
  } catch (error) {
    assert.ok(error instanceof ClientError && error.status === 401);
    return false;
  }
}

function tokenOf(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const body = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ exp: Math.floor(Date.now() / 1_000) + 3_600, ...claims })}`;
  return `${body}.${createHmac('sha256', JWT_SECRET).update(body).digest('base64url')}`;
}
