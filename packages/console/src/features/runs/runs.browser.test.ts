import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import { startFakeUpstream, startReeve, type FakeUpstream, type Reeve } from '@reeve/testing';
import type { Page } from 'playwright-core';
import { findChromium, SUITE_MS, type TestBrowser } from '../../../test/browser.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);

describe('the runs', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let upstream: FakeUpstream;
  let server: Reeve;
  let browser: TestBrowser;

  before(async () => {
    upstream = stack.use(await startFakeUpstream());
    server = stack.use(await startReeve(upstream.environment));
    upstream.script([
      { fault: 'error', text: ['oh', 'no'], message: 'the model fell over' },
      { text: ['Let me compute.'], toolCalls: [{ name: 'calculator', input: { expression: '6 * 7' } }] },
      { text: ['## Result\n\nIt is **42**.'] },
      { text: ['hello'] },
    ]);
    const client = createClient({ baseUrl: server.url });
    for (const message of ['please fail', 'What is 6 * 7?', 'greet me']) {
      for await (const _event of client.stream(routes.chat, {
        body: { agent_config_id: 'assistant', message, stream: true },
      }));
    }
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  it('are listed by status, which the address keeps', async () => {
    const page = await browser.visit(`${server.url}/runs`);
    await page.getByRole('row', { name: /Completed.*greet me/ }).waitFor();
    assert.equal(await page.locator('tbody tr').count(), 3);
    await page.getByRole('navigation', { name: 'Runs by status' }).getByText('Failed').click();
    await page.waitForURL(/status=failed/);
    await page.getByText('greet me').waitFor({ state: 'detached' });
    await page.reload();
    await page.getByRole('row', { name: /Failed.*please fail.*fell over/ }).waitFor();
    assert.equal(await page.locator('tbody tr').count(), 1);
  });

  it('open with the keys, on the result as it was meant and on each step', async () => {
    const page = await browser.visit(`${server.url}/runs`);
    await page.locator('tbody tr').first().waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/runs\/[\da-f-]{36}$/);
    await page.getByRole('heading', { name: 'What is 6 * 7?' }).waitFor();
    assert.equal(await page.locator('strong').innerText(), '42');

    const steps = page.getByRole('region', { name: /^Steps/ });
    await steps.getByText('calculator', { exact: true }).waitFor();
    assert.equal(await steps.locator('details').count(), 3);
    await steps.locator('summary', { hasText: 'calculator' }).click();
    assert.match(await steps.getByRole('group', { name: 'Input' }).and(page.locator(':visible')).innerText(), /6 \* 7/);
    assert.match(await steps.getByRole('group', { name: 'Output' }).and(page.locator(':visible')).innerText(), /42/);

    await page.getByRole('link', { name: 'Open in chat' }).click();
    await page.locator('article[data-highlighted]').waitFor();
  });

  it('fill in by themselves while they work, to the outcome of the last step', async () => {
    upstream.script([
      { text: ['Look. '], toolCalls: [{ name: 'current_time', input: {} }] },
      { text: ['It is ', 'late.'], delayMs: 2_000 },
    ]);
    const page = await openWorking('take a while');
    const steps = page.getByRole('region', { name: /^Steps/ });
    await steps.getByText('current_time', { exact: true }).waitFor();
    await page.getByRole('group', { name: 'Result' }).getByText('It is late.').waitFor();
    await steps.locator('summary').nth(2).locator('[data-status="success"]').waitFor();
  });

  it('stop on asking', async () => {
    upstream.script([{ text: ['slowly '], fault: 'hang' }]);
    const page = await openWorking('be slow');
    await page.getByRole('button', { name: 'Stop run' }).click();
    await page.getByText('Cancelled', { exact: true }).first().waitFor();
    await page.getByRole('button', { name: 'Stop run' }).waitFor({ state: 'detached' });
    await page.locator('summary [data-status="running"]').waitFor({ state: 'detached' });
  });

  it('that do not exist are said to be missing', async () => {
    const page = await browser.visit(`${server.url}/runs/019aa3c4-0000-7000-8000-000000000001`, {
      expected: /status of 404/,
    });
    await page.getByText('The run could not be loaded').waitFor();
  });

  /** Queues a task and opens its run from the list. */
  async function openWorking(title: string): Promise<Page> {
    const client = createClient({ baseUrl: server.url });
    await client.call(routes.createTask, { body: { agent_id: 'assistant', task_type: 'execute', title, payload: {} } });
    const page = await browser.visit(`${server.url}/runs`);
    await page.getByRole('link', { name: title }).click();
    return page;
  }
});
