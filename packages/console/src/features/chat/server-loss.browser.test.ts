import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import {
  createTestDatabase,
  startFakeUpstream,
  startServer,
  testDatabaseKind,
  type FakeUpstream,
  type ServerProcess,
  type TestDatabase,
} from '@reeve/testing';
import { findChromium, SERVER_GONE, SUITE_MS, type TestBrowser } from '../../../test/browser.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);
const WORDS = Array.from({ length: 30 }, (_, index) => `word ${index + 1}, `);

describe('an open page whose server is lost', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let upstream: FakeUpstream;
  let browser: TestBrowser;
  let place: TestDatabase;

  before(async () => {
    upstream = stack.use(await startFakeUpstream());
    place = stack.use(await createTestDatabase());
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  /** A server on the same data; at `url` where another was before it. */
  const serve = (url?: string): Promise<ServerProcess> =>
    startServer({
      ...place,
      environment: {
        ...upstream.environment,
        ...(url !== undefined && { REEVE_PORT: new URL(url).port }),
        ...(testDatabaseKind === 'postgres' && { REEVE_LEASE_MS: '4000' }),
      },
    });

  it('carries on by itself when the server is killed in mid-run and comes back', async () => {
    let lost = false;
    upstream.respond(({ messages }) =>
      messages.some(({ role }) => role === 'tool')
        ? { text: WORDS, ...(!lost && { fault: 'hang' }) }
        : { text: ['First a sum. '], toolCalls: [{ name: 'calculator', input: { expression: '6 * 7' } }] },
    );
    await using first = await serve();
    const page = await browser.visit(first.url, { expected: SERVER_GONE });
    await page.getByRole('textbox', { name: 'Message' }).fill('sum and count');
    await page.getByRole('textbox', { name: 'Message' }).press('Enter');
    await page.getByText('word 8,').waitFor();
    await page.evaluate(() => Object.assign(globalThis, { stillHere: true }));
    lost = true;
    await first.end('SIGKILL');
    await using _second = await serve(first.url);

    await page.getByText('word 30,').waitFor();
    await page.getByRole('button', { name: 'Stop the run' }).waitFor({ state: 'detached' });
    const article = page.getByRole('article');
    assert.equal(await article.count(), 1);
    assert.equal(await article.locator('details').count(), 1, 'one card');
    assert.equal(
      await article.locator('p', { hasText: 'word 30,' }).innerText(),
      WORDS.join('').trim(),
      'what was half said is not said twice',
    );
    assert.equal(await page.evaluate(() => 'stillHere' in globalThis), true, 'the page was not loaded again');
    assert.equal(upstream.requests.length, 3, 'the tool call’s model step is not paid for twice');
  });

  it('keeps the text of a message that could not be sent, and sends it on asking', async () => {
    upstream.respond(() => ({ text: ['here again'] }));
    await using first = await serve();
    const page = await browser.visit(first.url, { expected: SERVER_GONE });
    await page.getByRole('heading', { name: 'Ask an agent' }).waitFor();
    await first.end('SIGTERM');
    await page.getByRole('textbox', { name: 'Message' }).fill('are you there?');
    await page.getByRole('textbox', { name: 'Message' }).press('Enter');
    await page.getByText('Your message was not sent').waitFor();
    assert.equal(await page.getByRole('textbox', { name: 'Message' }).inputValue(), 'are you there?');

    await using _second = await serve(first.url);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('here again').waitFor();
    assert.equal(await page.getByRole('textbox', { name: 'Message' }).inputValue(), '');
    assert.equal(await page.getByText('Your message was not sent').count(), 0);
  });

  it('shows what is loaded on demand once the server is back', async () => {
    await using first = await serve();
    const page = await browser.visit(first.url, { expected: SERVER_GONE });
    await page.getByRole('heading', { name: 'Ask an agent' }).waitFor();
    await first.end('SIGTERM');
    const fetched = page.waitForEvent('requestfailed', (request) => request.url().includes('/assets/shortcuts-'));
    await page.getByRole('button', { name: 'Keyboard shortcuts' }).click();
    await fetched;
    await page.getByRole('textbox', { name: 'Message' }).fill('still here');

    await using _second = await serve(first.url);
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    assert.equal(await page.getByRole('textbox', { name: 'Message' }).inputValue(), 'still here');
  });
});
