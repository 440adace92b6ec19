import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createClient, type Client } from '@reeve/client';
import { routes, type Task } from '@reeve/contract';
import {
  createTestDatabase,
  startFakeUpstream,
  startServer,
  type FakeUpstream,
  type ServerProcess,
} from '@reeve/testing';
import { findChromium, type TestBrowser } from '../../test-browser.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);

describe('the tasks', { skip: chromium.missing, timeout: 120_000 }, () => {
  const stack = new AsyncDisposableStack();
  let upstream: FakeUpstream;
  let server: ServerProcess;
  let client: Client;
  let browser: TestBrowser;
  let board: string;

  before(async () => {
    upstream = stack.use(await startFakeUpstream());
    const place = stack.use(await createTestDatabase());
    const environment = {
      LLM_PROVIDER: 'openai-compatible',
      LLM_MODEL: 'fake',
      LLM_BASE_URL: upstream.url,
      REEVE_WORKER_CONCURRENCY: '1',
    };
    server = stack.use(await startServer({ ...place, environment }));
    client = createClient({ baseUrl: server.url });
    board = `${server.url}/admin/agents/tasks`;
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  beforeEach(() => upstream.reset());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  const create = async (title: string): Promise<Task> =>
    (
      await client.call(routes.createTask, {
        body: { agent_id: 'assistant', task_type: 'execute', title, payload: {} },
      })
    ).task;

  it('are made in a form that shows what the server finds wrong at its field', async () => {
    upstream.script([{ text: ['It is done.'] }]);
    const page = await browser.visit(board, { expected: /status of 400/ });
    await page.getByText('The queue is empty.').waitFor();
    await page.getByRole('button', { name: 'New task' }).click();
    const form = page.getByRole('dialog', { name: 'New task' });
    await form.getByRole('textbox', { name: 'Type' }).fill('');
    await form.getByRole('button', { name: 'Create task' }).click();
    await form.locator('[aria-invalid="true"]').first().waitFor();
    for (const field of ['Title', 'Type']) {
      const input = form.getByRole('textbox', { name: field });
      const fault = await input.getAttribute('aria-describedby');
      assert.match(await form.locator(`[id="${fault?.split(' ').at(-1)}"]`).innerText(), /must be/, field);
    }
    assert.equal(await form.getByRole('alert').count(), 0, 'nothing is said twice');

    await form.getByRole('textbox', { name: 'Payload' }).fill('{"task": ');
    await form.getByRole('button', { name: 'Create task' }).click();
    await form.getByText(/^must be JSON/).waitFor();

    await form.getByRole('textbox', { name: 'Title' }).fill('Say that it is done');
    await form.getByRole('textbox', { name: 'Type' }).fill('execute');
    await form.getByRole('textbox', { name: 'Payload' }).fill('{"task": "say it"}');
    await form.getByRole('button', { name: 'Create task' }).click();
    await page.waitForURL(/\?task=[\da-f-]{36}$/);
    const details = page.getByRole('dialog', { name: 'Task' });
    await details.getByRole('heading', { name: 'Say that it is done' }).waitFor();
    await details.getByText('Completed').first().waitFor();
    await details.getByText('It is done.').first().waitFor();
  });

  it('go from pending to completed before the reader’s eyes', async () => {
    upstream.script([
      { text: ['slow'], delayMs: 2_500 },
      { text: ['fast'], delayMs: 2_500 },
    ]);
    await create('the first');
    await create('the second');
    const page = await browser.visit(board);
    const statusOf = (title: string, status: string) =>
      page.locator('tbody tr', { hasText: title }).locator(`[data-status="${status}"]`);
    await statusOf('the first', 'in_progress').waitFor();
    await statusOf('the second', 'pending').waitFor();
    await statusOf('the first', 'completed').waitFor();
    await statusOf('the second', 'in_progress').waitFor();
    await statusOf('the second', 'completed').waitFor();
  });

  it('are cancelled and tried again, and an open conversation goes on', async () => {
    upstream.script([{ text: ['never ', 'heard'], fault: 'hang' }, { text: ['at last'] }]);
    const task = await create('a long one');
    const page = await browser.visit(`${board}?task=${task.id}`);
    const details = page.getByRole('dialog', { name: 'Task' });
    await details.getByText('In progress').waitFor();
    const { runs } = await client.call(routes.listRuns, { query: { task_id: task.id } });
    const conversation = `${server.url}/chat/${runs[0]?.session_id}`;
    const follower = await browser.visit(conversation);
    await follower.getByText('never').waitFor();

    await details.getByRole('button', { name: 'Cancel task' }).click();
    await details.getByText('Cancelled', { exact: true }).first().waitFor();
    await follower.getByText('Stopped', { exact: true }).waitFor();
    const latecomer = await browser.visit(conversation);
    await latecomer.getByText('Stopped', { exact: true }).waitFor();

    await details.getByRole('button', { name: 'Retry task' }).click();
    await details.getByText('at last').first().waitFor();
    await details.locator('li [data-status="completed"]').waitFor();
    for (const tab of [follower, latecomer]) {
      await tab.getByText('at last').waitFor();
      await tab.getByText('Stopped', { exact: true }).waitFor({ state: 'detached' });
      assert.equal(await tab.getByText('never').count(), 0, 'what was begun again is not said twice');
    }
  });

  it('tell why they failed', async () => {
    upstream.respond(() => ({ status: 400, message: 'no such thing' }));
    const task = await create('an impossible one');
    const page = await browser.visit(`${board}?task=${task.id}`);
    await page
      .getByRole('dialog', { name: 'Task' })
      .getByRole('alert')
      .getByText(/no such thing/)
      .waitFor();
    await page.getByRole('button', { name: 'Retry task' }).waitFor();
  });

  it('are filtered by the address, which a reload keeps', async () => {
    upstream.respond(() => ({ text: ['ok'] }));
    await create('Water the roses');
    await create('Water the tulips');
    await create('Feed the cat');
    const page = await browser.visit(board);
    await page.getByRole('row', { name: /Feed the cat/ }).waitFor();
    await page.getByRole('searchbox', { name: 'Search titles' }).fill('water');
    await page.waitForURL(/q=water/);
    await page.getByRole('navigation', { name: 'Tasks by status' }).getByText('Completed').click();
    await page.waitForURL(/status=completed/);
    await page.getByRole('combobox', { name: 'Agent' }).click();
    await page.getByRole('option', { name: 'Assistant' }).click();
    await page.waitForURL(/agent=assistant/);
    await page.reload();
    await page.getByText('Water the tulips').waitFor();
    assert.equal(await page.getByRole('searchbox', { name: 'Search titles' }).inputValue(), 'water');
    assert.equal(await page.locator('tbody tr').count(), 2);
    await page.getByRole('navigation', { name: 'Tasks by status' }).getByText('Failed').click();
    await page.getByText('No task matches.').waitFor();
    await page.goBack();
    await page.getByText('Water the tulips').waitFor();
  });

  it('are walked with j and k, opened with Enter and left with Escape', async () => {
    const page = await browser.visit(board);
    await page.locator('tbody tr').first().waitFor();
    const titles = await page.locator('tbody [data-row]').allInnerTexts();
    for (const key of ['j', 'j', 'j', 'k', 'Enter']) await page.keyboard.press(key);
    await page.getByRole('dialog', { name: 'Task' }).getByRole('heading', { name: titles[1]! }).waitFor();
    await page.keyboard.press('Escape');
    await page.waitForURL((url) => !url.search.includes('task='));
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });
});
