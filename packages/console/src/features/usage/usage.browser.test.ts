import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createClient, type Client } from '@reeve/client';
import { routes } from '@reeve/contract';
import { createTestDatabase, startFakeUpstream, startReeve, type FakeUpstream, type Reeve } from '@reeve/testing';
import type { Page } from 'playwright-core';
import { focusInDialog } from '../../../test/act.ts';
import { findChromium, SUITE_MS, type TestBrowser } from '../../../test/browser.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);
const PRICES = `models:
  openai-compatible/fake:
    context_tokens: 100000
    max_output_tokens: 1000
    usd_per_million: { input: 1000, output: 10000 }
`;

describe('the usage', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let upstream: FakeUpstream;
  let server: Reeve;
  let client: Client;
  let browser: TestBrowser;
  let address: string;

  before(async () => {
    upstream = stack.use(await startFakeUpstream());
    const place = await createTestDatabase();
    const models = join(place.dataDirectory, 'models.yaml');
    await writeFile(models, PRICES);
    server = stack.use(
      await startReeve(
        {
          ...upstream.environment,
          REEVE_MODELS_FILE: models,
        },
        place,
      ),
    );
    client = createClient({ baseUrl: server.url });
    address = `${server.url}/admin/usage`;
    upstream.script([
      { text: ['one'], usage: { inputTokens: 1000, outputTokens: 20, cachedTokens: 100, reasoningTokens: 5 } },
      { text: ['two'], usage: { inputTokens: 500, outputTokens: 10 } },
      { text: ['no', 'no'], fault: 'error', message: 'the model fell over' },
    ]);
    await client.call(routes.createAgent, { body: { name: 'Terse', slug: 'terse' } });
    for (const agent of ['assistant', 'terse', 'assistant'])
      for await (const _event of client.stream(routes.chat, {
        body: { agent_config_id: agent, message: 'hello', stream: true },
      }));
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  beforeEach(() => upstream.reset());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  const region = (page: Page, name: string) => page.getByRole('region', { name, exact: true });
  const rows = (page: Page, name: string) => region(page, name).locator('tbody tr');

  it('is told in all, by day and by group, for the days that the address names', async () => {
    const page = await browser.visit(address);
    const totals = page.locator('dl', { hasText: 'Tokens in' });
    await totals.getByText('100 from a cache').waitFor();
    assert.match(await totals.innerText(), /Cost\s+\$\d[^]*Calls\s+3\s+1 error/);
    await page.getByRole('img', { name: /^Cost by day: \$/ }).waitFor();
    await page.getByRole('navigation', { name: 'What is drawn' }).getByText('Calls').click();
    await page.getByRole('img', { name: /^Calls by day: 3 calls in all/ }).waitFor();

    await rows(page, 'By agent').filter({ hasText: 'assistant' }).waitFor();
    assert.equal(await rows(page, 'By agent').count(), 2);
    await page.getByRole('navigation', { name: 'Summed up by' }).getByText('Model').click();
    await rows(page, 'By model').filter({ hasText: 'fake' }).waitFor();
    await page.getByRole('navigation', { name: 'Days' }).getByText('7 days').click();
    await page.waitForURL(/from=\d{4}-\d\d-\d\d/);
    await page.reload();
    await rows(page, 'By model').filter({ hasText: 'fake' }).waitFor();
    await page.getByRole('navigation', { name: 'Days' }).locator('[aria-current]', { hasText: '7 days' }).waitFor();

    await page.goto(`${address}?from=2001-02-03&to=2001-02-04`);
    await page.getByText('No model was called on these days.').waitFor();
    await page.goto(`${address}?from=2001-02-05&to=2001-02-04`);
    await page.getByText('The first day is after the last one.').waitFor();
  });

  it('lists each call, narrowed down by what the address keeps, and leads to its run', async () => {
    const page = await browser.visit(address);
    await rows(page, 'Calls').nth(2).waitFor();
    await region(page, 'By agent').getByRole('link', { name: 'terse' }).click();
    await page.waitForURL(/agent=terse/);
    await rows(page, 'Calls').filter({ hasText: 'assistant' }).first().waitFor({ state: 'detached' });
    assert.equal(await rows(page, 'Calls').count(), 1);
    await page.reload();
    await rows(page, 'Calls').filter({ hasText: '500' }).waitFor();
    assert.equal(await rows(page, 'Calls').count(), 1);
    await region(page, 'Calls').getByRole('combobox', { name: 'Outcome' }).fill('crashed');
    await page.getByText('No call matches.').waitFor();
    await region(page, 'Calls').getByRole('combobox', { name: 'Outcome' }).fill('ok');
    await rows(page, 'Calls').getByRole('link', { name: 'fake' }).click();
    await page.waitForURL(/\/runs\/.{36}$/);
    await page.getByRole('group', { name: 'Result' }).getByText('two').waitFor();
  });

  it('that can’t be read says so, each part by itself', async () => {
    const page = await browser.visit(`${address}?run=not-an-id`, { expected: /status of 400/ });
    await page.getByText('The calls could not be loaded').waitFor();
    await page.locator('dl', { hasText: 'Tokens in' }).waitFor();
    await page.getByText('Nothing is limited.').waitFor();
  });

  it('is bounded by budgets that are set, changed and cleared here', async () => {
    const page = await browser.visit(address, { expected: /status of 400/ });
    await page.getByRole('button', { name: 'Set a budget' }).click();
    const form = page.getByRole('dialog', { name: 'Set a budget' });
    await focusInDialog(page);
    await form.getByRole('button', { name: 'Set budget' }).click();
    await form.getByText('give at least one limit').waitFor();
    await form.getByRole('combobox', { name: 'What it is for' }).click();
    await page.getByRole('option', { name: 'An agent' }).click();
    await form.getByRole('textbox', { name: 'US dollars' }).fill('a lot');
    await form.getByRole('combobox', { name: 'Agent' }).click();
    await page.getByRole('option', { name: 'Terse' }).click();
    await form.getByRole('button', { name: 'Set budget' }).click();
    await form.getByText(/must be a decimal number of USD/).waitFor();
    await form.getByRole('textbox', { name: 'US dollars' }).fill('25');
    await form.getByRole('button', { name: 'Set budget' }).click();
    await form.waitFor({ state: 'detached' });
    const budget = page.getByRole('listitem', { name: 'Agent terse' });
    await budget.getByText('$25.00 left').waitFor();
    await budget.getByRole('meter', { name: 'Agent terse: US dollars' }).waitFor();

    await budget.getByRole('button', { name: 'Change Agent terse' }).click();
    const change = page.getByRole('dialog', { name: 'Change the budget' });
    await change.getByRole('textbox', { name: 'US dollars' }).fill('');
    await change.getByRole('textbox', { name: 'Tokens' }).fill('1,000');
    await change.getByRole('button', { name: 'Save budget' }).click();
    await budget.getByText('1,000 tokens left').waitFor();
    assert.equal(await budget.getByRole('meter').count(), 1);

    await budget.getByRole('button', { name: 'Clear Agent terse' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Clear budget' }).click();
    await page.getByText('Nothing is limited.').waitFor();
  });

  it('lets a run go on that waits for a budget, once there is room', async () => {
    const setTokens = (limit_tokens: number | null) =>
      client.call(routes.putBudget, { body: { scope: 'agent', ref: 'terse', limit_tokens } });
    await setTokens(20);
    upstream.respond(() => ({ text: ['at last'] }));
    const page = await browser.visit(`${server.url}/chat?agent=terse`);
    await page.getByRole('textbox', { name: 'Message' }).fill('spend something');
    await page.getByRole('textbox', { name: 'Message' }).press('Enter');
    await page.getByText('Waits for room in a budget').waitFor();
    const run = await browser.visit(`${server.url}/runs`, { besides: page });
    await run.getByText('Waits for a budget').waitFor();
    await run.getByRole('link', { name: 'spend something' }).click();
    await run.getByText(/No budget has room for its next model call/).waitFor();

    await page.getByRole('link', { name: 'Budgets' }).click();
    await page.getByRole('button', { name: 'Change Agent terse' }).click();
    const change = page.getByRole('dialog', { name: 'Change the budget' });
    await change.getByRole('textbox', { name: 'Tokens' }).fill('1000000');
    await change.getByRole('button', { name: 'Save budget' }).click();
    await run.getByRole('group', { name: 'Result' }).getByText('at last').waitFor();
    await setTokens(null);
  });
});
