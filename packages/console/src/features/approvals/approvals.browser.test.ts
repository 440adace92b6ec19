import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { createClient, type Client } from '@reeve/client';
import { routes, type Task } from '@reeve/contract';
import { startReeve, type Reeve } from '@reeve/testing';
import type { Page } from 'playwright-core';
import { findChromium, SUITE_MS, type TestBrowser } from '../../../test/browser.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);

describe('the approvals', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let server: Reeve;
  let client: Client;
  let browser: TestBrowser;
  let inbox: string;

  before(async () => {
    server = stack.use(await startReeve());
    client = createClient({ baseUrl: server.url });
    inbox = `${server.url}/admin/agents/approvals`;
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  const ask = async (title: string): Promise<Task> =>
    (
      await client.call(routes.createTask, {
        body: { agent_id: 'assistant', task_type: 'execute', title, payload: { amount: 114 }, requires_approval: true },
      })
    ).task;
  const decide = async (task: Task, decision: 'approve' | 'reject') =>
    client.call(routes.decideTask, { params: { id: task.id }, body: { decision } });
  const stateOf = async (task: Task) => (await client.call(routes.getTask, { params: { id: task.id } })).approval;

  it('are counted in the navigation of every page as they come and go', async () => {
    const page = await browser.visit(`${server.url}/runs`);
    await page.getByText('No agent has run yet.').waitFor();
    const link = page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: /^Approvals/ });
    const first = await ask('one');
    await link.locator('[data-count="1"]').waitFor();
    const second = await ask('two');
    await link.locator('[data-count="2"]').waitFor();
    await decide(first, 'reject');
    await link.locator('[data-count="1"]').waitFor();
    await decide(second, 'reject');
    await link.locator('[data-count]').waitFor({ state: 'detached' });
  });

  it('are decided with the keys, and the focus goes on to the next', async () => {
    const tasks = [await ask('pay the miller'), await ask('burn the letters'), await ask('mend the roof')];
    const page = await browser.visit(inbox);
    await cardOf(page, 'mend the roof').waitFor();
    assert.match(await cardOf(page, 'pay the miller').innerText(), /"amount": 114[^]*/);
    assert.match(await cardOf(page, 'pay the miller').innerText(), /6 d 23 h left, then rejected/);
    await page.keyboard.press('j');
    await focused(page, 'pay the miller');
    await page.keyboard.press('a');
    await cardOf(page, 'pay the miller').waitFor({ state: 'detached' });
    await focused(page, 'burn the letters');
    await page.keyboard.press('r');
    const dialog = page.getByRole('dialog', { name: 'Reject “burn the letters”' });
    await dialog.getByRole('textbox', { name: 'Reason' }).and(page.locator(':focus')).waitFor();
    await page.keyboard.insertText('they are evidence');
    await page.keyboard.press('Control+Enter');
    await cardOf(page, 'burn the letters').waitFor({ state: 'detached' });
    await cardOf(page, 'mend the roof').waitFor();
    await until(async () => (await stateOf(tasks[0]!))?.status === 'approved');
    await until(async () => (await stateOf(tasks[1]!))?.reason === 'they are evidence');
    assert.equal((await stateOf(tasks[2]!))?.status, 'pending');

    await page.getByRole('navigation', { name: 'Approvals by status' }).getByText('Rejected').click();
    await page.waitForURL(/status=rejected/);
    assert.match(await cardOf(page, 'burn the letters').innerText(), /Rejected by [^]*they are evidence/);
    await decide(tasks[2]!, 'reject');
    await cardOf(page, 'mend the roof').waitFor();
  });

  it('that were decided meanwhile say so and go', async () => {
    const task = await ask('too slow');
    const page = await browser.visit(inbox, { expected: /status of 409/ });
    await page.route('**/api/v1/approvals/*', async (route) => {
      await decide(task, 'approve').catch(() => undefined);
      await route.continue();
    });
    await cardOf(page, 'too slow').getByRole('button', { name: 'Reject' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Reject' }).click();
    await page.getByText('Too late for “too slow”').waitFor();
    await cardOf(page, 'too slow').waitFor({ state: 'detached' });
    await page.getByText('Nothing waits for a decision.').waitFor();
  });

  it('do not take the letter of a place to go to for a decision', async () => {
    const task = await ask('leave me be');
    const page = await browser.visit(inbox);
    await cardOf(page, 'leave me be').waitFor();
    await page.keyboard.press('j');
    await focused(page, 'leave me be');
    await page.keyboard.press('g');
    await page.keyboard.press('r');
    await page.waitForURL(/\/runs$/);
    await page.getByRole('heading', { name: 'Runs' }).waitFor();
    assert.equal(await page.getByRole('dialog').count(), 0);
    assert.equal((await stateOf(task))?.status, 'pending');
  });
});

const cardOf = (page: Page, title: string) => page.getByRole('article', { name: title, exact: true });
const focused = (page: Page, title: string) => cardOf(page, title).and(page.locator(':focus')).waitFor();

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, 'holds within 30 s');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
