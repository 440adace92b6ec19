import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createClient, type Client } from '@reeve/client';
import { routes, type BodyInputOf, type Task } from '@reeve/contract';
import { startFakeUpstream, startReeve, type FakeUpstream, type Reeve } from '@reeve/testing';
import type { Page } from 'playwright-core';
import { findChromium, SUITE_MS, type TestBrowser } from '../../../test/browser.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);
const LATER = new Date(Date.now() + 86_400_000).toISOString();

describe('the tasks', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let upstream: FakeUpstream;
  let server: Reeve;
  let client: Client;
  let browser: TestBrowser;
  let board: string;

  before(async () => {
    upstream = stack.use(await startFakeUpstream());
    const environment = {
      ...upstream.environment,
      REEVE_WORKER_CONCURRENCY: '1',
    };
    server = stack.use(await startReeve(environment));
    client = createClient({ baseUrl: server.url });
    board = `${server.url}/admin/agents/tasks`;
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  beforeEach(() => upstream.reset());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  const create = async (title: string, more: Partial<BodyInputOf<typeof routes.createTask>> = {}): Promise<Task> =>
    (
      await client.call(routes.createTask, {
        body: { agent_id: 'assistant', task_type: 'execute', title, payload: {}, ...more },
      })
    ).task;
  const statusOf = (page: Page, title: string, status: string) =>
    rowOf(page, title).locator(`[data-status="${status}"]`);

  it('are made in a form that shows what is wrong at its field and its line', async () => {
    upstream.script([{ text: ['It is done.'] }]);
    const page = await browser.visit(board, { expected: /status of 400/ });
    await page.getByText('The queue is empty.').waitFor();
    await page.getByRole('button', { name: 'New task' }).click();
    const form = page.getByRole('dialog', { name: 'New task' });
    await form.getByRole('textbox', { name: 'Type' }).fill('');
    await form.getByRole('textbox', { name: 'Depends on' }).fill('the-first');
    await form.getByRole('button', { name: 'Create task' }).click();
    await form.locator('[aria-invalid="true"]').first().waitFor();
    for (const field of ['Title', 'Type', 'Depends on']) {
      const input = form.getByRole('textbox', { name: field });
      assert.match(await faultOf(page, input), /must be/, field);
    }
    assert.equal(await form.getByRole('alert').count(), 0, 'nothing is said twice');

    await form.getByRole('textbox', { name: 'Payload' }).fill('{\n  "task": "say it",\n  again\n}');
    await form.getByRole('button', { name: 'Create task' }).click();
    await form.getByText(/^must be JSON: line 3: /).waitFor();
    assert.equal(await form.locator('[data-fault]').innerText(), '3');

    await form.getByRole('textbox', { name: 'Title' }).fill('Say that it is done');
    await form.getByRole('textbox', { name: 'Type' }).fill('execute');
    await form.getByRole('textbox', { name: 'Depends on' }).fill('');
    await form.getByRole('textbox', { name: 'Payload' }).fill('{"task": "say it"}');
    await form.getByRole('button', { name: 'Create task' }).click();
    await page.waitForURL(/\?task=[\da-f-]{36}$/);
    const details = page.getByRole('dialog', { name: 'Task' });
    await details.getByRole('heading', { name: 'Say that it is done' }).waitFor();
    await details.getByText('Completed').first().waitFor();
    await details.getByText('It is done.').first().waitFor();
  });

  it('go from pending to their end before the reader’s eyes, each in its place', async () => {
    upstream.script([{ text: [''], fault: 'hang' }, { text: [''], fault: 'hang' }, { text: ['done'] }]);
    const page = await openBoard();
    const [first, second] = [await create('the first'), await create('the second')];
    await create('the third');
    await statusOf(page, 'the first', 'in_progress').waitFor();
    await statusOf(page, 'the second', 'pending').waitFor();
    await client.call(routes.cancelTask, { params: { id: first.id } });
    await statusOf(page, 'the first', 'cancelled').waitFor();
    await statusOf(page, 'the second', 'in_progress').waitFor();
    await client.call(routes.cancelTask, { params: { id: second.id } });
    await statusOf(page, 'the second', 'cancelled').waitFor();
    await statusOf(page, 'the third', 'completed').waitFor();
    assert.deepEqual((await titles(page)).slice(0, 3), ['the third', 'the second', 'the first']);
  });

  it('do not move under the pointer: new ones wait to be let in', async () => {
    upstream.respond(() => ({ text: ['ok'] }));
    const held = await create('held', { run_at: LATER });
    const page = await openBoard();
    await rowOf(page, 'held').hover();
    const before = await titles(page);
    await create('newcomer one', { run_at: LATER });
    await create('newcomer two', { run_at: LATER });
    await page.getByRole('button', { name: '2 new tasks' }).waitFor();
    await client.call(routes.cancelTask, { params: { id: held.id } });
    await statusOf(page, 'held', 'cancelled').waitFor();
    assert.deepEqual(await titles(page), before, 'what is there changes in its place only');
    await page.getByRole('button', { name: '2 new tasks' }).click();
    await rowOf(page, 'newcomer two').waitFor();
    assert.deepEqual((await titles(page)).slice(0, 3), ['newcomer two', 'newcomer one', 'held']);
    await page.getByRole('button', { name: /new task/ }).waitFor({ state: 'detached' });

    await rowOf(page, 'held').hover();
    await create('newcomer three', { run_at: LATER });
    await page.getByRole('button', { name: '1 new task' }).waitFor();
    await page.getByRole('heading', { name: 'Tasks' }).hover();
    await rowOf(page, 'newcomer three').waitFor();
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
    await details
      .getByRole('region', { name: /^Steps/ })
      .locator('details')
      .first()
      .waitFor();
    const journal = details.getByRole('region', { name: 'Journal' });
    await journal.locator('[data-tone="ok"]').waitFor();
    assert.ok((await journal.getByRole('listitem').count()) >= 4, 'created, started, cancelled, started, completed');
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
    await create('Feed the cat', { task_type: 'plan' });
    const page = await openBoard();
    await statusOf(page, 'Feed the cat', 'completed').waitFor();
    await page.getByRole('searchbox', { name: 'Search titles' }).fill('water');
    await page.waitForURL(/q=water/);
    await rowOf(page, 'Feed the cat').waitFor({ state: 'detached' });
    await page.getByRole('navigation', { name: 'Tasks by status' }).getByText('Completed').click();
    await page.waitForURL(/status=completed/);
    await page.getByRole('combobox', { name: 'Agent' }).click();
    await page.getByRole('option', { name: 'Assistant' }).click();
    await page.waitForURL(/agent=assistant/);
    await page.reload();
    await rowOf(page, 'Water the tulips').waitFor();
    assert.equal(await page.getByRole('searchbox', { name: 'Search titles' }).inputValue(), 'water');
    assert.deepEqual(await titles(page), ['Water the tulips', 'Water the roses']);
    const current = page.getByRole('navigation', { name: 'Tasks by status' }).locator('[aria-current]');
    assert.deepEqual(
      (await current.allInnerTexts()).map((text) => text.split('\n')[0]),
      ['Completed'],
    );
    await page.getByRole('navigation', { name: 'Tasks by status' }).getByText('In progress').click();
    await page.getByText('No task matches.').waitFor();
    await page.goBack();
    await rowOf(page, 'Water the tulips').waitFor();
    await page.getByRole('searchbox', { name: 'Search titles' }).fill('');
    await page.waitForURL((url) => !url.search.includes('q='));
    await page.getByRole('combobox', { name: 'Type' }).fill('plan');
    await page.waitForURL(/type=plan/);
    await rowOf(page, 'Water the tulips').waitFor({ state: 'detached' });
    await rowOf(page, 'Feed the cat').waitFor();
  });

  it('are walked with j and k, chosen with x, opened with Enter and left with Escape', async () => {
    const page = await openBoard();
    const all = await titles(page);
    const focused = (index: number) => page.locator('[data-row]').nth(index).and(page.locator(':focus')).waitFor();
    for (const [key, index] of [
      ['j', 0],
      ['j', 1],
      ['j', 2],
      ['k', 1],
    ] as const) {
      await page.keyboard.press(key);
      await focused(index);
    }
    await page.keyboard.press('x');
    await page.getByText('1 chosen').waitFor();
    await page.keyboard.press('x');
    await page.getByText('1 chosen').waitFor({ state: 'detached' });
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Task' }).getByRole('heading', { name: all[1]!, exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await page.waitForURL((url) => !url.search.includes('task='));
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await focused(1);
  });

  it('are cancelled and queued again many at once, and what fails says why', async () => {
    upstream.respond(() => ({ text: ['ok'] }));
    const many = [];
    for (let index = 1; index <= 5; index += 1) many.push(await create(`bulk ${index}`, { run_at: LATER }));
    const page = await browser.visit(`${board}?q=bulk`, { expected: /status of 409/ });
    await rowOf(page, 'bulk 5').getByRole('checkbox').click();
    await page.getByText('1 chosen').waitFor();
    await rowOf(page, 'bulk 1')
      .getByRole('checkbox')
      .click({ modifiers: ['Shift'] });
    await page.getByText('5 chosen').waitFor();
    await rowOf(page, 'bulk 3').getByRole('checkbox').click();
    await page.getByText('4 chosen').waitFor();
    await page.getByRole('button', { name: 'Cancel 4' }).click();
    const dialog = page.getByRole('dialog', { name: 'Cancel 4 tasks' });
    await dialog.waitFor();
    await client.call(routes.cancelTask, { params: { id: many[1]!.id } });
    await dialog.getByRole('button', { name: 'Cancel 4 tasks' }).click();
    await dialog.getByText('3 of 4 cancelled, 1 failed.').waitFor();
    assert.match(await dialog.getByRole('region', { name: 'Why some failed' }).innerText(), /cancelled[^]*bulk 2/);
    await dialog.getByRole('button', { name: 'Done' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByText(/chosen/).waitFor({ state: 'detached' });
    for (const index of [1, 2, 4, 5]) await statusOf(page, `bulk ${index}`, 'cancelled').waitFor();
    await statusOf(page, 'bulk 3', 'waiting').waitFor();

    await page.getByRole('checkbox', { name: 'Choose all tasks' }).click();
    await page.getByText('5 chosen').waitFor();
    await page.getByRole('button', { name: 'Retry 4' }).click();
    const again = page.getByRole('dialog', { name: 'Retry 4 tasks' });
    await again.getByRole('button', { name: 'Retry 4 tasks' }).click();
    await again.getByText('4 of 4 queued again.').waitFor();
  });

  it('show what they wait for, and the way to it', async () => {
    upstream.respond(() => ({ text: ['ok'] }));
    const first = await create('the one before', { requires_approval: true });
    const second = await create('the one after', { depends_on: [first.id] });
    const page = await browser.visit(`${board}?task=${second.id}`);
    const details = page.getByRole('dialog', { name: 'Task' });
    await details.getByText('Waits for other tasks').waitFor();
    await details.getByRole('link', { name: 'the one before' }).click();
    await details.getByRole('heading', { name: 'the one before' }).waitFor();
    await details.getByRole('region', { name: 'Decision' }).getByRole('button', { name: 'Approve' }).click();
    await details.getByText('Approved by', { exact: false }).first().waitFor();
    await details.getByText('Completed').first().waitFor();
    await page.goBack();
    await details.getByRole('heading', { name: 'the one after' }).waitFor();
    await details.getByText('Completed').first().waitFor();
  });

  it('show the workflow that they belong to', async () => {
    upstream.respond(() => ({ text: ['ok'] }));
    const part = { agent_id: 'assistant', task_type: 'execute' };
    const workflow = await client.call(routes.createWorkflow, {
      body: {
        title: 'Harvest',
        tasks: [
          { ...part, key: 'reap', title: 'Reap the field' },
          { ...part, key: 'bind', title: 'Bind the sheaves', depends_on: ['reap'] },
        ],
      },
    });
    const page = await browser.visit(`${board}?task=${workflow.tasks[1]!.id}`);
    const members = page.getByRole('dialog', { name: 'Task' }).getByRole('region', { name: 'Workflow: Harvest' });
    await members.locator('[data-status="completed"]').nth(1).waitFor();
    assert.match(await members.locator('li[aria-current="true"]').innerText(), /Bind the sheaves/);
    await members.getByRole('link', { name: 'Show in the list' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await rowOf(page, 'Reap the field').waitFor();
    assert.deepEqual(await titles(page), ['Bind the sheaves', 'Reap the field']);
    await page.getByRole('button', { name: 'Any workflow' }).click();
    await page.waitForURL((url) => !url.search.includes('workflow'));
  });

  /** The list, followed live, with nothing under the pointer. */
  async function openBoard(): Promise<Page> {
    const page = await browser.visit(board);
    await page.locator('[data-live="live"]').waitFor();
    await page.locator('[data-task]').first().waitFor();
    return page;
  }
});

const rowOf = (page: Page, title: string) =>
  page.locator('[data-task]').filter({ has: page.getByRole('link', { name: title, exact: true }) });
const titles = (page: Page): Promise<string[]> => page.locator('[data-task] [data-row]').allInnerTexts();

/** What is said to be wrong with a field. */
async function faultOf(page: Page, input: ReturnType<Page['locator']>): Promise<string> {
  const ids = ((await input.getAttribute('aria-describedby')) ?? '').split(' ').filter(Boolean);
  const texts = await Promise.all(ids.map((id) => page.locator(`[id="${id}"]`).innerText()));
  return texts.join(' ');
}
