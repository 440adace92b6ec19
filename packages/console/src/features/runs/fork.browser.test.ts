import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import { startFakeUpstream, startReeve, type FakeUpstream, type Reeve } from '@reeve/testing';
import type { Page } from 'playwright-core';
import { focusInDialog } from '../../../test/act.ts';
import { findChromium, SUITE_MS, type TestBrowser } from '../../../test/browser.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);

describe('a fork', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let upstream: FakeUpstream;
  let server: Reeve;
  let browser: TestBrowser;
  let original: string;

  before(async () => {
    upstream = stack.use(await startFakeUpstream());
    const environment = upstream.environment;
    server = stack.use(await startReeve(environment));
    upstream.script([
      { text: ['Let me compute.'], toolCalls: [{ name: 'calculator', input: { expression: '6 * 7' } }] },
      {
        text: ['It is 42.'],
        usage: { inputTokens: 1200, outputTokens: 90, cachedTokens: 800, reasoningTokens: 60 },
      },
    ]);
    const { run_id: id } = await createClient({ baseUrl: server.url }).call(routes.chat, {
      body: { agent_config_id: 'assistant', message: 'What is 6 * 7?', stream: false },
    });
    original = id;
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  beforeEach(() => {
    upstream.reset();
    upstream.respond(({ messages }) => ({
      text: ['You said: ', messages.findLast(({ role }) => role === 'user')!.text],
    }));
  });
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  const steps = (page: Page) => page.getByRole('region', { name: /^Steps/ });

  async function forkFrom(page: Page, step: number): Promise<void> {
    await steps(page).locator(`[data-step="${step}"] summary`).click();
    await steps(page).locator(`[data-step="${step}"]`).getByRole('button', { name: 'Fork from here' }).click();
    await focusInDialog(page);
  }
  const leadsOn = (page: Page) =>
    page.waitForURL((url) => /\/runs\/.{36}$/.test(url.href) && !url.href.endsWith(original));

  it('goes on from a step with another word, and shows what it shares and with whom', async () => {
    const page = await browser.visit(`${server.url}/runs/${original}`);
    await page.getByText('60 of the output').waitFor();
    assert.ok(await page.getByText('800 of the input').isVisible());
    await forkFrom(page, 3);
    const dialog = page.getByRole('dialog', { name: 'Fork from step 3' });
    await dialog.getByText(/shares steps 1 to 2/).waitFor();
    await dialog.getByRole('textbox', { name: 'Say something' }).fill('and in words?');
    await page.keyboard.press('Control+Enter');
    await leadsOn(page);
    await page.getByRole('group', { name: 'Result' }).getByText('You said: and in words?').waitFor();
    await page.getByRole('link', { name: new RegExp(`^run …${original.slice(-8)}, step 3$`) }).waitFor();
    await steps(page)
      .getByText(`Shared with run …${original.slice(-8)}`)
      .waitFor();
    await steps(page).getByText('Made by this run').waitFor();
    await steps(page).locator('[data-step="3"]').getByText('and in words?').first().waitFor();
    assert.match(await steps(page).locator('[data-step="3"] summary').innerText(), /Message/);
    assert.equal(await steps(page).locator('[data-step]').count(), 4);

    await page.getByRole('link', { name: 'Open in chat' }).click();
    const article = page.getByRole('article');
    await article.getByText('You said: and in words?').waitFor();
    await article.getByText('Goes on from step 3 of').waitFor();
    assert.match(await article.innerText(), /What is 6 \* 7\?[^]*Let me compute\.[^]*and in words\?[^]*You said/);
  });

  it('after the answer needs a message', async () => {
    const page = await browser.visit(`${server.url}/runs/${original}`);
    await page.getByRole('button', { name: 'Fork after the answer' }).click();
    const dialog = page.getByRole('dialog', { name: 'Fork after the answer' });
    await focusInDialog(page);
    await dialog.getByRole('button', { name: 'Fork the run' }).click();
    await dialog.getByText(/nothing follows from an answer by itself/).waitFor();
    await dialog.getByRole('textbox').fill('thank you');
    await dialog.getByRole('button', { name: 'Fork the run' }).click();
    await leadsOn(page);
    await page.getByRole('group', { name: 'Result' }).getByText('You said: thank you').waitFor();
    await steps(page).locator('[data-step="5"]').waitFor();
    assert.equal(await steps(page).locator('[data-step]').count(), 5);
  });

  it('from a tool call says that nothing can be said there, and makes the call anew', async () => {
    const page = await browser.visit(`${server.url}/runs/${original}`);
    await forkFrom(page, 2);
    const dialog = page.getByRole('dialog', { name: 'Fork from step 2' });
    await dialog.getByText(/fork from step 1, which made the call/).waitFor();
    assert.equal(await dialog.getByRole('textbox').count(), 0);
    await dialog.getByRole('button', { name: 'Fork the run' }).click();
    await leadsOn(page);
    await page.getByText('Completed', { exact: true }).waitFor();
    await steps(page).locator('[data-step="3"]').waitFor();
    assert.match(await steps(page).locator('li').nth(2).innerText(), /Made by this run/);
  });

  it('that the server refuses says why', async () => {
    const page = await browser.visit(`${server.url}/runs/${original}`, { expected: /status of 404/ });
    await page.route('**/fork', (route) =>
      route.continue({ url: route.request().url().replace(original, '019aa3c4-0000-7000-8000-000000000001') }),
    );
    await forkFrom(page, 1);
    await page.getByRole('dialog').getByRole('button', { name: 'Fork the run' }).click();
    await page.getByRole('dialog').getByText('The run was not forked').waitFor();
  });
});
