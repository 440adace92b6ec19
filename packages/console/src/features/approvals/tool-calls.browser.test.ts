import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createClient, type Client } from '@reeve/client';
import { routes, type Approval } from '@reeve/contract';
import { startFakeUpstream, startReeve, type FakeUpstream, type Reeve } from '@reeve/testing';
import { focusInDialog } from '../../../test/act.ts';
import { findChromium, SUITE_MS, type TestBrowser } from '../../../test/browser.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);

describe('a tool call that people are asked about', { skip: chromium.missing, timeout: SUITE_MS }, () => {
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
  beforeEach(() => upstream.reset());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  /** Has the agent ask for a sum; it answers with what it was told of the call. */
  async function ask(expression: string): Promise<Approval> {
    sums(expression);
    const { task } = await client.call(routes.createTask, {
      body: { agent_id: 'careful', task_type: 'execute', title: `work out ${expression}`, payload: {} },
    });
    return until(async () => {
      const { approvals } = await client.call(routes.listApprovals, { query: { task_id: task.id } });
      return approvals[0];
    });
  }
  function sums(...expressions: string[]): void {
    upstream.script([
      {
        text: ['Let me see. '],
        toolCalls: expressions.map((expression) => ({ name: 'calculator', input: { expression } })),
      },
    ]);
    upstream.respond(({ messages }) => ({
      text: ['I was told: ', messages.findLast(({ role }) => role === 'tool')!.text],
    }));
  }
  const runOf = (approval: Approval) => client.call(routes.getRun, { params: { id: approval.run_id! } });
  const resultOf = (approval: Approval) => until(async () => (await runOf(approval)).result ?? undefined);
  const decide = (id: string, decision: 'approve' | 'reject') =>
    client.call(routes.decideApproval, { params: { id }, body: { decision } });

  it('is decided in the inbox with the keys, also with another input', async () => {
    const approval = await ask('6 * 7');
    const page = await browser.visit(`${server.url}/admin/agents/approvals`, { expected: /status of 400/ });
    const card = page.getByRole('article', { name: 'careful wants to call calculator' });
    await card.getByText('"6 * 7"').waitFor();
    assert.match(await card.innerText(), /A tool call of Careful: calculator[^]*left, then rejected/);
    await page.getByRole('navigation', { name: 'Main' }).locator('[data-count="1"]').waitFor();

    await page.keyboard.press('j');
    await card.and(page.locator(':focus')).waitFor();
    await page.keyboard.press('e');
    const dialog = page.getByRole('dialog', { name: 'Edit the input of calculator' });
    const input = dialog.getByRole('textbox', { name: 'Input' });
    await input.and(page.locator(':focus')).waitFor();
    assert.equal(await input.inputValue(), '{\n  "expression": "6 * 7"\n}');

    await input.fill('{\n  "expression": \n}');
    await page.keyboard.press('Control+Enter');
    await dialog.getByText(/must be JSON: line 3/).waitFor();
    await input.fill('{ "expression": 42 }');
    await page.keyboard.press('Control+Enter');
    await input.and(page.locator('[aria-invalid="true"]')).waitFor();
    await dialog
      .getByText(/expression/)
      .last()
      .waitFor();
    assert.equal((await runOf(approval)).waiting_for, 'approval', 'nothing was decided');

    await input.fill('{ "expression": "6 * 9" }');
    await page.keyboard.press('Control+Enter');
    await dialog.waitFor({ state: 'detached' });
    await card.waitFor({ state: 'detached' });
    assert.match(await resultOf(approval), /54/);
    await page.getByRole('navigation', { name: 'Approvals by status' }).getByText('Approved').click();
    await card.getByText(/Approved with another input by/).waitFor();
    assert.match(await card.getByRole('group', { name: 'Used instead' }).innerText(), /6 \* 9/);
  });

  it('that was decided elsewhere while it was edited says so and goes', async () => {
    const approval = await ask('1 + 1');
    const page = await browser.visit(`${server.url}/admin/agents/approvals`, { expected: /status of 409/ });
    await page.route('**/api/v1/approvals/*', async (route) => {
      await decide(approval.id, 'reject').catch(() => undefined);
      await route.continue();
    });
    const card = page.getByRole('article', { name: 'careful wants to call calculator' });
    await card.getByRole('button', { name: 'Edit the input' }).click();
    await focusInDialog(page);
    await page.getByRole('button', { name: 'Approve with this input' }).click();
    await page.getByText(/^Somebody or its time was faster: it is rejected already/).waitFor();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await card.waitFor({ state: 'detached' });
    await page.getByText('Nothing waits for a decision.').waitFor();
  });

  it('is decided in the chat, beside the call, and the answer goes on from there', async () => {
    sums('2 + 2', '3 + 3');
    const page = await browser.visit(`${server.url}/chat?agent=careful`);
    await page.getByRole('textbox', { name: 'Message' }).fill('two sums');
    await page.getByRole('textbox', { name: 'Message' }).press('Enter');
    const questions = page.getByRole('region', { name: 'Decision about calculator' });
    await questions.nth(1).getByRole('button', { name: 'Approve' }).waitFor();
    await page.getByText('Waits for a decision, and goes on then').waitFor();
    await page.getByRole('navigation', { name: 'Main' }).locator('[data-count="2"]').waitFor();

    await page.reload();
    await questions.nth(1).getByRole('button', { name: 'Reject' }).click();
    await page.getByRole('dialog').getByRole('textbox', { name: 'Reason' }).fill('one is enough');
    await page.getByRole('dialog').getByRole('button', { name: 'Reject' }).click();
    await questions
      .nth(1)
      .getByText(/Rejected by/)
      .waitFor();
    assert.match(await questions.nth(1).innerText(), /one is enough/);
    await questions.nth(0).getByRole('button', { name: 'Approve' }).click();
    await questions
      .nth(0)
      .getByText(/Approved by/)
      .waitFor();
    await page.getByText(/I was told: .*one is enough/).waitFor();
    await page.getByRole('article').locator('summary').nth(1).getByText('Denied').waitFor();
    await page.getByRole('article').locator('summary').nth(0).getByText('Done').waitFor();
    await page.getByRole('article').locator('footer').waitFor();
  });

  it('is decided on the page of its run', async () => {
    const approval = await ask('8 * 8');
    const page = await browser.visit(`${server.url}/runs/${approval.run_id}`);
    await page.getByText('Waits for a decision', { exact: true }).waitFor();
    const question = page.getByRole('region', { name: 'Decision about calculator' });
    await question.getByText('"8 * 8"').waitFor();
    await question.getByRole('button', { name: 'Approve' }).click();
    await question.getByText(/Approved by/).waitFor();
    await page
      .getByRole('group', { name: 'Result' })
      .getByText(/I was told: .*64/)
      .waitFor();
    await page.getByText('Completed', { exact: true }).waitFor();
  });

  it('is taken back where the run is stopped', async () => {
    const approval = await ask('9 * 9');
    const page = await browser.visit(`${server.url}/runs/${approval.run_id}`);
    const question = page.getByRole('region', { name: 'Decision about calculator' });
    await question.getByRole('button', { name: 'Approve' }).waitFor();
    await page.getByRole('button', { name: 'Stop run' }).click();
    await page.getByText('Cancelled', { exact: true }).first().waitFor();
    await question.waitFor({ state: 'detached' });
    await page.getByRole('navigation', { name: 'Main' }).locator('[data-count]').waitFor({ state: 'detached' });
  });
});

/** Waits for what no page shows. */
async function until<T>(read: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const found = await read();
    if (found !== undefined) return found;
    assert.ok(Date.now() < deadline, 'comes within a minute');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
