import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createClient, type Client } from '@reeve/client';
import { routes } from '@reeve/contract';
import { startFakeUpstream, startReeve, type FakeUpstream, type Reeve } from '@reeve/testing';
import type { Page } from 'playwright-core';
import { findChromium, SUITE_MS, type TestBrowser } from '../../../test/browser.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);

describe('a message to a busy session', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let upstream: FakeUpstream;
  let server: Reeve;
  let client: Client;
  let browser: TestBrowser;

  before(async () => {
    upstream = stack.use(await startFakeUpstream());
    const environment = upstream.environment;
    server = stack.use(await startReeve(environment));
    client = createClient({ baseUrl: server.url });
    await client.call(routes.createAgent, {
      body: { name: 'Careful', slug: 'careful', tools: ['calculator'], approvals: ['calculator'] },
    });
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  beforeEach(() => {
    upstream.reset();
    upstream.respond(({ messages }) => ({
      text: [`answer to ${messages.findLast(({ role }) => role === 'user')!.text}`],
    }));
  });
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  /** A chat whose run waits for a person, for as long as the test likes. */
  async function busy(): Promise<Page> {
    upstream.script([
      { text: ['Half an answer. '], toolCalls: [{ name: 'calculator', input: { expression: '1 + 1' } }] },
    ]);
    const page = await browser.visit(`${server.url}/chat?agent=careful`);
    await send(page, 'first');
    await page.getByRole('button', { name: 'Approve' }).waitFor();
    return page;
  }
  const turn = (page: Page, prompt: string) =>
    page.getByRole('article').filter({ has: page.getByText(prompt, { exact: true }) });
  const choose = async (page: Page, what: string): Promise<void> => {
    await page.getByRole('combobox', { name: 'The run going on' }).click();
    await page.getByRole('option', { name: what }).click();
  };
  const said = async (page: Page) => {
    const id = page.url().match(/chat\/([\da-f-]{36})/)![1]!;
    const { messages } = await client.call(routes.getSession, { params: { id } });
    return messages.filter(({ role }) => role === 'user').map(({ content }) => content);
  };

  it('waits in line, is seen to, and is answered when its turn comes', async () => {
    const page = await busy();
    await send(page, 'second');
    await turn(page, 'second').getByText('In line, behind the run before it').waitFor();
    await send(page, 'third');
    await turn(page, 'third').getByText('In line, behind the run before it').waitFor();
    await turn(page, 'third').getByRole('button', { name: 'Take it back' }).click();
    await turn(page, 'third').getByText('Stopped').waitFor();

    await page.reload();
    await turn(page, 'second').getByText('In line, behind the run before it').waitFor();
    await turn(page, 'first').getByRole('button', { name: 'Approve' }).click();
    await turn(page, 'first').getByText('answer to first').waitFor();
    await turn(page, 'second').getByText('answer to second').waitFor();
    assert.deepEqual(await said(page), ['first', 'second']);
    await page.getByRole('combobox', { name: 'The run going on' }).waitFor({ state: 'detached' });
  });

  it('holds no connection while it waits, however many there are', async () => {
    const page = await busy();
    for (let nth = 1; nth <= 7; nth += 1) {
      await send(page, `more ${nth}`);
      await turn(page, `more ${nth}`).getByText('In line, behind the run before it').waitFor();
    }
    await turn(page, 'first').getByRole('button', { name: 'Approve' }).click();
    await turn(page, 'more 7').getByText('answer to more 7').waitFor();
  });

  it('stops the run, which keeps what it did', async () => {
    const page = await busy();
    await choose(page, 'Stop it, keep its work');
    await send(page, 'instead');
    await turn(page, 'instead').getByText('answer to instead').waitFor();
    await turn(page, 'first').getByText('Stopped').waitFor();
    assert.match(await turn(page, 'first').innerText(), /Half an answer\./);
    assert.deepEqual(await said(page), ['first', 'instead']);
  });

  it('stops the run and has it forgotten', async () => {
    const page = await busy();
    await choose(page, 'Stop it and forget it');
    await send(page, 'start over');
    await turn(page, 'start over').getByText('answer to start over').waitFor();
    await turn(page, 'first').waitFor({ state: 'detached' });
    assert.deepEqual(await said(page), ['start over']);
    await page.reload();
    await turn(page, 'start over').getByText('answer to start over').waitFor();
    assert.equal(await page.getByRole('article').count(), 1);
  });
});

async function send(page: Page, message: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(message);
  await page.getByRole('textbox', { name: 'Message' }).press('Enter');
}
