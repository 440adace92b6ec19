import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { COMPONENTS } from '@reeve/contract';
import { createTestDatabase, startFakeUpstream, startReeve, startServer } from '@reeve/testing';
import type { Page } from 'playwright-core';
import { focusInDialog } from '../../../test/act.ts';
import { findChromium, SERVER_GONE, SUITE_MS, type TestBrowser } from '../../../test/browser.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);
/** The page looks every 10 s. */
const LOOK_MS = 90_000;

describe('the health glyph', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let browser: TestBrowser;

  before(async () => void (browser = stack.use(await chromium.open())));
  after(() => stack.disposeAsync());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  it('is green while every component is well, and shows each of them on click', async () => {
    await using server = await startReeve({ SANDBOX_BACKEND: 'quickjs' });
    const page = await browser.visit(server.url);
    await page.getByRole('button', { name: 'Health: Healthy' }).click();
    const rows = page.getByRole('dialog').locator('tbody tr');
    await rows.first().waitFor();
    const names = (await rows.locator('th').allInnerTexts()).map((text) => text.split('\n')[0]?.toLowerCase());
    assert.deepEqual(new Set(names), new Set(COMPONENTS));
    assert.equal(await rows.locator('[data-status="ok"]').count(), COMPONENTS.length);
    assert.equal(await toneOf(page), 'ok');
    await focusInDialog(page);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });

  it('turns amber when the provider fails, and green when it answers again', async () => {
    await using upstream = await startFakeUpstream();
    await using server = await startReeve({
      SANDBOX_BACKEND: 'quickjs',
      ...upstream.environment,
    });
    const page = await browser.visit(server.url);
    await page.getByRole('button', { name: 'Health: Healthy' }).waitFor();
    upstream.respond(() => ({ status: 500, message: 'the model is ill' }));
    await ask(page, 'hello');
    await page.getByText('The run failed').waitFor({ timeout: LOOK_MS });
    await page.getByRole('button', { name: 'Health: Degraded' }).click({ timeout: LOOK_MS });
    assert.equal(await toneOf(page), 'warn');
    assert.match(
      await page.getByRole('dialog').locator('tbody tr').first().innerText(),
      /models[^]*the model is ill[^]*Degraded/i,
    );
    await focusInDialog(page);
    await page.keyboard.press('Escape');
    upstream.respond(() => ({ text: ['I am well.'] }));
    await page.getByRole('button', { name: 'Ask again' }).click();
    await page.getByText('I am well.').waitFor();
    await page.getByRole('button', { name: 'Health: Healthy' }).waitFor({ timeout: LOOK_MS });
  });

  it('turns red when the server is gone, keeps what was last heard, and green when it is back', async () => {
    await using place = await createTestDatabase();
    await using first = await startServer(place);
    const page = await browser.visit(first.url, { expected: SERVER_GONE });
    await page.getByRole('button', { name: /^Health: (Healthy|Degraded)/ }).waitFor();
    await first.end('SIGKILL');
    await page.getByRole('button', { name: 'Health: Unreachable' }).click({ timeout: LOOK_MS });
    assert.match(await page.getByRole('dialog').innerText(), /no answer from[^]*When last heard of: reeve/);
    assert.equal(await toneOf(page), 'bad');
    await using _second = await startServer({ ...place, environment: { REEVE_PORT: new URL(first.url).port } });
    await page.getByRole('button', { name: /^Health: (Healthy|Degraded)/ }).waitFor({ timeout: LOOK_MS });
  });
});

const toneOf = (page: Page) =>
  page
    .getByRole('button', { name: /^Health/ })
    .locator('[data-tone]')
    .getAttribute('data-tone');

async function ask(page: Page, message: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(message);
  await page.getByRole('textbox', { name: 'Message' }).press('Enter');
}
