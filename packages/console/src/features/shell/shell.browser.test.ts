import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import { startReeve, type Reeve } from '@reeve/testing';
import type { Page } from 'playwright-core';
import { findChromium, SUITE_MS, type TestBrowser } from '../../../test/browser.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);
const KEY = 'rv_only-for-tests';

describe('the shell', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let server: Reeve;
  let browser: TestBrowser;

  before(async () => {
    server = stack.use(await startReeve({ REEVE_API_KEY: KEY }));
    const client = createClient({ baseUrl: server.url, apiKey: KEY });
    await client.call(routes.chat, {
      body: { agent_config_id: 'assistant', message: 'My name is Ada', stream: false },
    });
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  it('asks for a key where the server wants one, and leads back to where the reader was going', async () => {
    const page = await browser.visit(`${server.url}/runs?status=completed`, { expected: /status of 401/ });
    await page.waitForURL(/\/sign-in\?from=/);
    await page.getByRole('textbox', { name: 'API key' }).fill('rv_not-the-key');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The server did not take this key.').waitFor();
    await signIn(page);
    await page.waitForURL(/\/runs\?status=completed$/);
    await page.getByRole('row', { name: /My name is Ada/ }).waitFor();
    assert.deepEqual(
      await page.evaluate(() => [
        Object.keys(sessionStorage).sort(),
        Object.keys(localStorage).filter((key) => key.includes('key')),
      ]),
      [['reeve.api_key', 'reeve.holder'], []],
      'the key is kept for this tab only',
    );

    await page.getByRole('link', { name: 'Chat' }).click();
    await page.getByRole('textbox', { name: 'Message' }).fill('What is 17 * 23?');
    await page.getByRole('textbox', { name: 'Message' }).press('Enter');
    await page.getByText('17 * 23 = 391.').waitFor();

    await page.keyboard.press('Control+k');
    await page.getByRole('textbox', { name: 'Search commands' }).fill('forget');
    await selected(page, 'Sign out: forget the API key');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/sign-in/);
  });

  it('goes anywhere from the palette', async () => {
    const page = await signedIn();
    await page.keyboard.press('Control+k');
    const palette = page.getByRole('dialog', { name: 'Command palette' });
    const search = palette.getByRole('textbox', { name: 'Search commands' });
    await search.fill('my name');
    await selected(page, 'My name is Ada');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/chat\/[\da-f-]{36}$/);
    await page.getByRole('article').getByText('My name is Ada').waitFor();

    await page.getByRole('button', { name: 'Go to' }).click();
    await search.fill('new task');
    await selected(page, 'New task');
    await page.keyboard.press('Enter');
    await page.waitForURL(/create=true/);
    const form = page.getByRole('dialog', { name: 'New task' });
    await form.getByRole('textbox', { name: 'Title' }).and(page.locator(':focus')).waitFor();
    await page.keyboard.press('Escape');
    await form.waitFor({ state: 'detached' });

    await page.keyboard.press('/');
    await search.fill('assistant');
    await selected(page, 'Assistant');
    await page.keyboard.press('Enter');
    await page.waitForURL(/agent=assistant/);
  });

  it('listens to keys, but not while something is typed', async () => {
    const page = await signedIn();
    // A page is waited for by what it shows last: the chat takes the focus when it appears, and keys with it.
    for (const [key, path, shown] of [
      ['t', '/admin/agents/tasks', page.getByRole('heading', { name: 'Tasks' })],
      ['c', '/chat', page.getByRole('textbox', { name: 'Message' }).and(page.locator(':focus'))],
      ['r', '/runs', page.getByRole('heading', { name: 'Runs' })],
    ] as const) {
      await page.locator('body').evaluate(() => (document.activeElement as HTMLElement).blur());
      await page.keyboard.press('g');
      await page.keyboard.press(key);
      await page.waitForURL(`${server.url}${path}`);
      await shown.waitFor();
    }
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.goto(`${server.url}/chat`);
    await page.getByRole('textbox', { name: 'Message' }).pressSequentially('gr?/');
    assert.equal(new URL(page.url()).pathname, '/chat');
    assert.equal(await page.getByRole('textbox', { name: 'Message' }).inputValue(), 'gr?/');
    assert.equal(await page.getByRole('dialog').count(), 0);
  });

  it('lets a keyboard skip to the page', async () => {
    const page = await signedIn();
    await page.reload();
    await page.getByRole('heading', { name: 'Runs' }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('main:focus').waitFor();
  });

  it('keeps the chosen colors, and follows the system’s until one is chosen', async () => {
    const page = await signedIn('dark');
    const scheme = () => page.evaluate(() => document.documentElement.dataset['mantineColorScheme']);
    assert.equal(await scheme(), 'dark');
    await page.getByRole('button', { name: /^Colors: like the system/ }).click();
    await page.getByRole('button', { name: /^Colors: light/ }).waitFor();
    assert.equal(await scheme(), 'light');
    await page.reload();
    await page.getByRole('button', { name: /^Colors: light/ }).waitFor();
    assert.equal(await scheme(), 'light');
  });

  async function signedIn(scheme: 'light' | 'dark' = 'light'): Promise<Page> {
    const page = await browser.visit(`${server.url}/runs`, { expected: /status of 401/, scheme });
    await page.waitForURL(/\/sign-in/);
    await signIn(page);
    await page.getByRole('heading', { name: 'Runs' }).waitFor();
    return page;
  }
});

/** Waits until Enter would do this. */
const selected = (page: Page, action: string) =>
  page.getByRole('dialog', { name: 'Command palette' }).locator('[data-selected]', { hasText: action }).waitFor();

async function signIn(page: Page): Promise<void> {
  await page.getByRole('textbox', { name: 'API key' }).fill(KEY);
  await page.getByRole('button', { name: 'Sign in' }).click();
}
