import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { createClient, type Client } from '@reeve/client';
import { routes } from '@reeve/contract';
import { startReeve, type Reeve } from '@reeve/testing';
import type { Page } from 'playwright-core';
import { findChromium, SUITE_MS, type TestBrowser } from '../../../test/browser.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);

describe('the schedules', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let server: Reeve;
  let client: Client;
  let browser: TestBrowser;
  let address: string;

  before(async () => {
    server = stack.use(await startReeve());
    client = createClient({ baseUrl: server.url });
    address = `${server.url}/admin/agents/schedules`;
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  it('are made in a form that shows what the server finds wrong at its field', async () => {
    const page = await browser.visit(address, { expected: /status of 400/ });
    await page.getByText('Nothing is scheduled.').waitFor();
    await page.getByRole('button', { name: 'New schedule' }).click();
    const form = page.getByRole('dialog', { name: 'New schedule' });
    await form.getByRole('combobox', { name: 'Due' }).click();
    await page.getByRole('option', { name: 'By a cron line' }).click();
    await form.getByRole('textbox', { name: 'Cron line' }).fill('61 9 * * 1');
    await form.getByRole('textbox', { name: 'Title' }).fill('Count the sheep');
    await form.getByRole('button', { name: 'Create schedule' }).click();
    await form.getByRole('textbox', { name: 'Cron line' }).and(page.locator('[aria-invalid="true"]')).waitFor();
    await form.getByRole('textbox', { name: 'Cron line' }).fill('0 9 * * 1');
    await form.getByRole('combobox', { name: 'Time zone' }).fill('Europe/Berlin');
    await form.getByRole('textbox', { name: 'Payload' }).fill('{"task": "count"}');
    await form.getByRole('button', { name: 'Create schedule' }).click();
    await form.waitFor({ state: 'detached' });
    await rowOf(page, 'Count the sheep').getByText('0 9 * * 1 · Europe/Berlin').waitFor();
    const { schedules } = await client.call(routes.listSchedules);
    assert.deepEqual(
      schedules.map(({ cron, timezone, config, enabled }) => [cron, timezone, config, enabled]),
      [['0 9 * * 1', 'Europe/Berlin', { task: 'count' }, true]],
    );
  });

  it('are changed, paused, resumed and, after a question, deleted', async () => {
    const schedule = await client.call(routes.createSchedule, {
      body: { agent_id: 'assistant', task_type: 'execute', title: 'Shear the sheep', frequency: 'weekly' },
    });
    const read = () => client.call(routes.getSchedule, { params: { id: schedule.id } });
    const page = await browser.visit(address);
    await rowOf(page, 'Shear the sheep').getByText('Weekly · UTC').waitFor();
    await page.getByRole('button', { name: 'Pause Shear the sheep' }).click();
    await rowOf(page, 'Shear the sheep').getByText('Paused').waitFor();
    assert.equal((await read()).enabled, false);
    await page.getByRole('button', { name: 'Resume Shear the sheep' }).click();
    await page.getByRole('button', { name: 'Pause Shear the sheep' }).waitFor();
    assert.equal((await read()).enabled, true);

    await page.getByRole('link', { name: 'Shear the sheep' }).click();
    await page.waitForURL(/schedule=/);
    const form = page.getByRole('dialog', { name: 'Schedule' });
    await form.getByRole('textbox', { name: 'Title' }).fill('Shear all the sheep');
    await form.getByRole('button', { name: 'Save schedule' }).click();
    await form.waitFor({ state: 'detached' });
    await rowOf(page, 'Shear all the sheep').waitFor();
    assert.equal((await read()).next_run_at, schedule.next_run_at, 'the times were not changed');

    await page.getByRole('button', { name: 'Delete Shear all the sheep' }).click();
    const question = page.getByRole('dialog', { name: 'Delete the schedule' });
    await question.getByRole('button', { name: 'Keep it' }).click();
    await question.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Delete Shear all the sheep' }).click();
    await question.getByRole('button', { name: 'Delete schedule' }).click();
    await rowOf(page, 'Shear all the sheep').waitFor({ state: 'detached' });
    assert.ok((await client.call(routes.listSchedules)).schedules.every(({ id }) => id !== schedule.id));
  });

  it('tell what is due', async () => {
    const page = await browser.visit(address);
    await page.getByRole('button', { name: 'What is due' }).click();
    const dialog = page.getByRole('dialog', { name: 'What is due' });
    await dialog.getByText('Nothing is due now.').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    await dialog.waitFor({ state: 'detached' });
  });
});

const rowOf = (page: Page, title: string) =>
  page.getByRole('row').filter({ has: page.getByRole('link', { name: title, exact: true }) });
