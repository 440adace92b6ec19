import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import {
  createTestDatabase,
  startFakeUpstream,
  startServer,
  testDatabaseKind,
  type FakeUpstream,
  type ServerProcess,
  type TestDatabase,
} from '@reeve/testing';
import { focusInDialog } from '../../../test/act.ts';
import { findChromium, SERVER_GONE, SUITE_MS, type TestBrowser } from '../../../test/browser.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);

describe('a tool call whose outcome a crash hid', { skip: chromium.missing, timeout: SUITE_MS }, () => {
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

  const serve = (url?: string): Promise<ServerProcess> =>
    startServer({
      ...place,
      environment: {
        ...upstream.environment,
        ...(url !== undefined && { REEVE_PORT: new URL(url).port }),
        ...(testDatabaseKind === 'postgres' && { REEVE_LEASE_MS: '4000' }),
      },
    });

  it('is explained, and goes on with the result that a person gives', async (context) => {
    upstream.script([{ toolCalls: [{ name: 'bash_execute', input: { command: 'sleep 300' } }] }]);
    upstream.respond(({ messages }) => ({ text: ['I was told: ', messages.at(-1)!.text] }));
    await using first = await serve();
    const { tools } = await createClient({ baseUrl: first.url }).call(routes.listTools, { query: { limit: 200 } });
    if (!tools.some(({ name, available }) => name === 'bash_execute' && available))
      return context.skip('needs a sandbox for commands');

    const page = await browser.visit(first.url, { expected: SERVER_GONE });
    await page.getByRole('textbox', { name: 'Message' }).fill('send the letters');
    await page.getByRole('textbox', { name: 'Message' }).press('Enter');
    await page.locator('summary', { hasText: 'bash_execute' }).getByText('Running').waitFor();
    await first.end('SIGKILL');
    await using second = await serve(first.url);

    const question = page.getByRole('region', { name: 'Decision about bash_execute' });
    await question.getByText(/nobody knows whether it did anything/).waitFor();
    for (const name of ['Make the call again', 'Skip it'])
      assert.ok(await question.getByRole('button', { name }).isVisible(), name);

    const inbox = await browser.visit(`${second.url}/admin/agents/approvals`, { besides: page });
    const card = inbox.getByRole('article');
    await card.getByRole('heading', { name: 'What became of bash_execute?' }).waitFor();
    assert.match(await card.innerText(), /left, then skipped/);
    await inbox.keyboard.press('j');
    await inbox.keyboard.press('e');
    const dialog = inbox.getByRole('dialog', { name: 'Give the result of bash_execute' });
    await focusInDialog(inbox);
    await inbox.keyboard.press('Control+Enter');
    await dialog.getByText(/must say what came of the call/).waitFor();
    await dialog.getByRole('checkbox', { name: 'The result is JSON' }).check();
    await dialog.getByRole('textbox', { name: 'Result' }).fill('null');
    await dialog.getByRole('button', { name: 'Give this result' }).click();
    await dialog.getByText(/must say what came of the call/).waitFor();
    await dialog.getByRole('textbox', { name: 'Result' }).fill('{ "letters": 12 }');
    await dialog.getByRole('button', { name: 'Give this result' }).click();
    await card.waitFor({ state: 'detached' });

    await page.getByText(/I was told: .*"letters":12/).waitFor();
    await question.getByText(/Result given by/).waitFor();
    assert.equal(upstream.requests.length, 2);
  });
});
