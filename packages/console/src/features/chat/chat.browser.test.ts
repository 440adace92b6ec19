import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createClient, type Client } from '@reeve/client';
import { routes } from '@reeve/contract';
import { startFakeUpstream, startReeve, type FakeUpstream, type Reeve, type UpstreamReply } from '@reeve/testing';
import type { Page } from 'playwright-core';
import { findChromium, SUITE_MS, type TestBrowser } from '../../../test/browser.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);
const LONG = Array.from({ length: 40 }, (_, index) => `word ${index + 1}, `);

describe('the chat', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let upstream: FakeUpstream;
  let server: Reeve;
  let client: Client;
  let browser: TestBrowser;

  before(async () => {
    upstream = stack.use(await startFakeUpstream());
    server = stack.use(await startReeve(upstream.environment));
    client = createClient({ baseUrl: server.url });
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  beforeEach(() => upstream.reset());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  it('streams an answer, with each tool as a card that opens on arguments and result', async () => {
    upstream.script([
      {
        thinking: ['A product.'],
        text: ['Let me ', 'work that ', 'out.'],
        toolCalls: [{ name: 'calculator', input: { expression: '17 * 23' } }],
        pauseMs: 20,
      },
      { text: ['It ', 'is ', '**391**', ', and ', 'no ', 'more.'], pauseMs: 20 },
    ]);
    const page = await browser.visit(server.url);
    await page.getByRole('heading', { name: 'Ask an agent' }).waitFor();
    await send(page, 'What is 17 * 23?');
    await page.waitForURL(/\/chat\/[\da-f-]{36}$/);
    await page.getByText('It is 391, and no more.').waitFor();
    assert.equal(await page.locator('article strong').innerText(), '391');

    const card = page.locator('article details', { hasText: 'calculator' });
    assert.match(await card.locator('summary').innerText(), /17 \* 23[^]*Done/);
    await card.locator('summary').click();
    assert.match(await card.getByRole('group', { name: 'Arguments' }).innerText(), /"expression": "17 \* 23"/);
    assert.match(await card.getByRole('group', { name: 'Result' }).innerText(), /391/);
    await page.getByText('Thinking').click();
    await page.getByText('A product.').waitFor();
    await page.getByRole('button', { name: 'Stop the run' }).waitFor({ state: 'detached' });
    assert.match(await page.locator('article footer').innerText(), /22 in · 14 out/);
  });

  it('goes on in the same session with the next message', async () => {
    upstream.respond(({ messages }) => ({
      text: [`answer to ${messages.findLast(({ role }) => role === 'user')?.text}`],
    }));
    const page = await browser.visit(server.url);
    await send(page, 'first');
    await page.getByText('answer to first').waitFor();
    const address = page.url();
    await send(page, 'second');
    await page.getByText('answer to second').waitFor();
    assert.equal(page.url(), address);
    assert.equal(await page.getByRole('article').count(), 2);
  });

  it('shows what is said as it is said, stops on asking, and keeps it', async () => {
    upstream.script([{ text: LONG, fault: 'hang' }]);
    const page = await browser.visit(server.url);
    await send(page, 'count slowly');
    await page.getByText('word 3,').waitFor();
    await page.getByRole('button', { name: 'Stop the run' }).click();
    await page.getByText('Stopped', { exact: true }).waitFor();
    assert.match(await page.getByRole('article').innerText(), /word 1, word 2, word 3,/);
    assert.ok(await page.getByRole('button', { name: 'Ask again' }).isVisible());
    const { runs } = await client.call(routes.listRuns, { query: { limit: 1 } });
    assert.equal(runs[0]?.status, 'cancelled');
    await until(() => upstream.open === 0, 'the provider is no longer asked');

    upstream.script([{ text: ['now quickly'] }]);
    await page.getByRole('button', { name: 'Ask again' }).click();
    await page.getByText('now quickly').waitFor();
  });

  it('goes on after a reload and in a second tab, and both end with the same text, nothing twice', async () => {
    upstream.script([
      { ...slow(['Let me count. ']), toolCalls: [{ name: 'calculator', input: { expression: '1 + 1' } }] },
      slow(LONG),
    ]);
    const page = await browser.visit(server.url);
    await send(page, 'count to forty');
    await page.getByText('word 5,').waitFor();
    const second = await browser.visit(page.url(), { besides: page });
    await page.reload();
    for (const tab of [page, second]) {
      await tab.getByText('word 40,').waitFor();
      await tab.getByRole('button', { name: 'Stop the run' }).waitFor({ state: 'detached' });
      const article = tab.getByRole('article');
      assert.equal(await article.count(), 1);
      assert.equal(await article.locator('details').count(), 1);
      assert.equal(await article.locator('p', { hasText: 'word 40,' }).innerText(), LONG.join('').trim());
      assert.equal((await article.innerText()).split('count to forty').length, 2);
    }
  });

  it('shows the answer of a run that ended between the reading of the messages and that of the runs', async () => {
    upstream.script([{ text: ['an answer in time'] }]);
    const { session_id } = await client.call(routes.chat, {
      body: { agent_config_id: 'assistant', message: 'be quick', stream: false },
    });
    const session = await client.call(routes.getSession, { params: { id: session_id } });
    const before = { ...session, message_count: 1, messages: session.messages.slice(0, 1) };
    const page = await browser.visit(`${server.url}/settings`);
    await page.route(new RegExp(`/api/v1/sessions/${session_id}\\?`), (route) => route.fulfill({ json: before }), {
      times: 1,
    });
    await page.goto(`${server.url}/chat/${session_id}`);
    await page.getByText('an answer in time').waitFor();
  });

  it('shows a run that begins elsewhere in an open session', async () => {
    upstream.respond(({ messages }) => ({
      text: [`answer to ${messages.findLast(({ role }) => role === 'user')?.text}`],
    }));
    const page = await browser.visit(server.url);
    await send(page, 'from here');
    await page.getByText('answer to from here').waitFor();
    const session = page.url().split('/').at(-1)!;
    await client.call(routes.chat, {
      body: { agent_config_id: 'assistant', message: 'from elsewhere', session_id: session, stream: false },
    });
    await page.getByText('answer to from elsewhere').waitFor();
    assert.equal(await page.getByRole('article').count(), 2);
  });

  it('says why a run failed, and asks again', async () => {
    upstream.script([
      { text: ['half ', 'an ', 'answer'], fault: 'error', message: 'the model fell over' },
      { text: ['a whole answer'] },
    ]);
    const page = await browser.visit(server.url);
    await send(page, 'fail once');
    await page.getByText('The run failed').waitFor();
    assert.match(await page.getByRole('article').innerText(), /the model fell over/);
    await page.getByRole('button', { name: 'Ask again' }).click();
    await page.getByText('a whole answer').waitFor();
  });

  it('keeps the text of a message that the server refuses', async () => {
    upstream.script([{ text: ['hello back'] }]);
    const page = await browser.visit(`${server.url}/chat?agent=nobody`, { expected: /status of 400/ });
    await send(page, 'hello out there');
    await page.getByText('Your message was not sent').waitFor();
    assert.match(await page.getByRole('alert').innerText(), /nobody/);
    assert.equal(await page.getByRole('textbox', { name: 'Message' }).inputValue(), 'hello out there');
    await page.goto(`${server.url}/chat`);
    await send(page, 'hello');
    await page.getByText('hello back').waitFor();
  });

  it('shows code that a person sends as code', async () => {
    upstream.script([{ text: ['I see code.'] }]);
    const page = await browser.visit(server.url);
    await send(page, 'Explain:\n```js\nconst a = "*x*";\n```');
    await page.getByText('I see code.').waitFor();
    assert.equal(await page.getByRole('group', { name: 'Code' }).innerText(), 'const a = "*x*";\n');
    assert.doesNotMatch(await page.getByRole('article').innerText(), /```/);
  });

  it('lists the sessions, searches, renames, exports and deletes them', async () => {
    upstream.respond(() => ({ text: ['noted'] }));
    for (const message of ['Plan the harvest', 'Name the boat', 'Water the plants']) {
      await client.call(routes.chat, { body: { agent_config_id: 'assistant', message, stream: false } });
    }
    const page = await browser.visit(`${server.url}/chat`);
    const list = page.getByRole('navigation', { name: 'Sessions' });
    await list.getByText('Name the boat').click();
    await page.getByText('noted').waitFor();

    await list.getByRole('searchbox').fill('boat');
    await page.waitForURL(/q=boat/);
    await list.getByText('Plan the harvest').waitFor({ state: 'detached' });
    await page.reload();
    assert.equal(await list.getByRole('searchbox').inputValue(), 'boat');
    await list.getByText('Name the boat').waitFor();
    assert.equal(await list.getByRole('listitem').count(), 1);
    await list.getByRole('searchbox').fill('');
    await list.getByText('Plan the harvest').waitFor();

    await list.getByRole('button', { name: 'Actions for Name the boat' }).click();
    await page.getByRole('menuitem', { name: 'Rename' }).click();
    await page.getByRole('textbox', { name: 'Title' }).fill('A boat called Rain');
    await page.getByRole('button', { name: 'Rename' }).click();
    await list.getByText('A boat called Rain').waitFor();
    await page.getByRole('heading', { name: 'A boat called Rain' }).waitFor();

    await list.getByRole('button', { name: 'Actions for A boat called Rain' }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('menuitem', { name: 'Export' }).click();
    const file = await download;
    assert.match(file.suggestedFilename(), /^session-a-boat-called-rain-\w{8}\.json$/);
    const exported = JSON.parse(await readFile(await file.path(), 'utf8')) as { title: string; messages: unknown[] };
    assert.equal(exported.title, 'A boat called Rain');
    assert.ok(exported.messages.length >= 2);

    await list.getByRole('button', { name: 'Actions for A boat called Rain' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByRole('button', { name: 'Delete session' }).click();
    await page.getByRole('heading', { name: 'Ask an agent' }).waitFor();
    await list.getByText('A boat called Rain').waitFor({ state: 'detached' });
    const { sessions } = await client.call(routes.listSessions, { query: { q: 'boat' } });
    assert.equal(sessions.length, 0);
  });
});

/** Waits for what no page shows. */
async function until(holds: () => boolean, what: string): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    assert.ok(tries < 200, what);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function slow(text: readonly string[]): UpstreamReply {
  return { text, pauseMs: 80 };
}

async function send(page: Page, message: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(message);
  await page.getByRole('textbox', { name: 'Message' }).press('Enter');
}
