import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import { startFakeUpstream, startReeve, type Reeve } from '@reeve/testing';
import { findChromium, SUITE_MS, type TestBrowser } from '../../../test/browser.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);

describe('a run with a child run', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let server: Reeve;
  let browser: TestBrowser;
  let runId: string | undefined;

  before(async () => {
    const upstream = stack.use(await startFakeUpstream());
    server = stack.use(await startReeve(upstream.environment));
    const input = { agent: 'assistant', message: 'look it up' };
    upstream.script([
      { toolCalls: [{ name: 'delegate_to_agent', input }] },
      { text: ['I looked.'] },
      { text: ['It was looked up.'] },
    ]);
    const client = createClient({ baseUrl: server.url });
    const body = { name: 'Boss', slug: 'boss', system_prompt: 'Ask.', tools: ['delegate_to_agent'] };
    await client.call(routes.createAgent, { body });
    for await (const event of client.stream(routes.chat, { body: { agent_config_id: 'boss', message: 'find out' } }))
      runId = event.run_id;
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  it('leads to it from the step that opened it, and back', async () => {
    const page = await browser.visit(`${server.url}/runs/${runId}`);
    const steps = page.getByRole('region', { name: /^Steps/ });
    await steps.locator('summary', { hasText: 'delegate_to_agent' }).click();
    await steps.getByRole('link', { name: /^run / }).click();
    await page.getByRole('heading', { name: 'look it up' }).waitFor();
    await page
      .locator('div', { hasText: /^Part of/ })
      .getByRole('link')
      .click();
    await page.getByRole('heading', { name: 'find out' }).waitFor();
    await page
      .locator('div', { hasText: /^Gave work to/ })
      .getByRole('link')
      .waitFor();
  });
});
