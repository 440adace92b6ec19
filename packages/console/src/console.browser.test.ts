import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import { startFakeUpstream, startReeve, type Reeve, type UpstreamReply } from '@reeve/testing';
import type { Page } from 'playwright-core';
import { findChromium, SUITE_MS, type TestBrowser } from '../test/browser.ts';
import { lookAtPlaces, type Place } from '../test/look.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);

describe('every page that has something to show', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let server: Reeve;
  let places: Record<string, Place>;
  let browser: TestBrowser;

  before(async () => {
    const upstream = stack.use(await startFakeUpstream());
    upstream.script(ANSWERS);
    const environment = upstream.environment;
    server = stack.use(await startReeve(environment));
    places = await fill(server);
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  it('breaks no accessibility rule and fits a phone', async () =>
    assert.deepEqual(await lookAtPlaces(browser, server.url, places, process.env['REEVE_TEST_PICTURES']), []));
});

const ANSWERS: readonly UpstreamReply[] = [
  {
    thinking: ['They want two numbers and a table.'],
    text: ['Let me compute both.'],
    toolCalls: [
      { name: 'calculator', input: { expression: '17 * 23' } },
      { name: 'calculator', input: { expression: '1 / 0' } },
    ],
  },
  {
    text: [
      '## Result\n\n| what | how much |\n|---|---|\n| 17 × 23 | **391** |\n| 1 ÷ 0 | nothing |\n\n- [x] done\n- [ ] open\n\n> Quoted, with `code` and a [link](https://example.com).\n\n```js\nconst answer = 17 * 23; // a line of code that is much longer than a phone is wide, to see it scroll\n```\n',
    ],
  },
  { text: ['half ', 'an answer'], fault: 'error', message: 'the model fell over' },
  { text: ['The task is done.'] },
];

/** Gives a server one of everything, and says where it can be seen. */
async function fill(server: Reeve): Promise<Record<string, Place>> {
  const client = createClient({ baseUrl: server.url });
  let session = '';
  let run = '';
  for (const message of ['Compute 17 * 23 and 1 / 0:\n```js\n17 * 23\n```', 'And now fail, please']) {
    const body = { agent_config_id: 'assistant', message, ...(session !== '' && { session_id: session }) };
    for await (const event of client.stream(routes.chat, { body: { ...body, stream: true } })) {
      if (event.type !== 'session_start') continue;
      session = event.session_id;
      run ||= event.run_id;
    }
  }
  const { task } = await client.call(routes.createTask, {
    body: {
      agent_id: 'assistant',
      task_type: 'execute',
      title: 'A task with a title that goes on for so long that no phone shows it in a line',
      description: 'In short: do it.',
      payload: { task: 'do it', list: [1, null, true] },
    },
  });
  await client.call(routes.createTask, {
    body: {
      agent_id: 'assistant',
      task_type: 'execute',
      title: 'For tomorrow',
      payload: {},
      run_at: new Date(Date.now() + 86_400_000).toISOString(),
    },
  });
  const { task: toApprove } = await client.call(routes.createTask, {
    body: {
      agent_id: 'assistant',
      task_type: 'execute',
      title: 'Send the newsletter to everybody',
      payload: { list: 'everybody' },
      requires_approval: true,
    },
  });
  await client.call(routes.createWorkflow, {
    body: {
      title: 'Harvest',
      tasks: [
        { agent_id: 'assistant', task_type: 'execute', key: 'reap', title: 'Reap the field', requires_approval: true },
        { agent_id: 'assistant', task_type: 'execute', key: 'bind', title: 'Bind it', depends_on: ['reap'] },
      ],
    },
  });
  for (const [title, enabled] of [
    ['Count the sheep', true],
    ['A schedule with a title that goes on for so long that no phone shows it in a line', false],
  ] as const)
    await client.call(routes.createSchedule, {
      body: {
        agent_id: 'assistant',
        task_type: 'execute',
        title,
        cron: '0 9 * * 1-5',
        timezone: 'Europe/Berlin',
        enabled,
      },
    });
  const put = (path: string, size: number) =>
    client.call(routes.uploadFile, { params: { id: session }, query: { path }, upload: new Blob(['x'.repeat(size)]) });
  await put('notes/today.md', 20);
  await put('a report with a name that goes on for so long that no phone shows it in a line.pdf', 3_000_000);
  await put('list.csv', 1_300);
  const openAll = (page: Page) =>
    page.locator('details').evaluateAll((all) => all.forEach((one) => one.setAttribute('open', '')));
  return {
    conversation: [
      `/chat/${session}`,
      async (page) => {
        await page.getByText('The run failed').waitFor();
        await page.locator('article footer').nth(1).waitFor();
        await openAll(page);
      },
    ],
    'conversation-top': [
      `/chat/${session}?run=${run}`,
      async (page) => {
        await page.locator('article[data-highlighted]').waitFor();
        await page.getByText('The run failed').waitFor({ state: 'attached' });
        await page.waitForFunction(
          () => (document.querySelector('article[data-highlighted]')?.getBoundingClientRect().top ?? -1) > 0,
        );
      },
    ],
    files: [
      `/chat/${session}?files=/`,
      async (page) => {
        await page.getByRole('button', { name: 'list.csv', exact: true }).waitFor();
        await page.getByRole('meter').waitFor();
        await page.evaluate(() => {
          const data = new DataTransfer();
          data.items.add(new File(['x'], 'list.csv'));
          data.items.add(new File([new Uint8Array(65 * 1024 * 1024)], 'a film of the harvest.mp4'));
          const drop = new DragEvent('drop', { dataTransfer: data, bubbles: true });
          document.querySelector('[role="meter"]')!.dispatchEvent(drop);
        });
        await page.getByText('A file may have 64 MiB').waitFor();
      },
    ],
    'file-deleted': [
      `/chat/${session}?files=/notes`,
      async (page) => {
        await page.getByRole('button', { name: 'Delete today.md' }).click();
        await page.getByRole('dialog', { name: 'Delete the file' }).waitFor();
      },
    ],
    'no-directory': [
      `/chat/${session}?files=/nowhere/at/all`,
      (page) => page.getByText('The directory could not be loaded').waitFor(),
    ],
    runs: ['/runs', (page) => page.locator('tbody tr').nth(2).waitFor()],
    run: [
      `/runs/${run}`,
      async (page) => {
        await page
          .getByRole('region', { name: /^Steps/ })
          .locator('details')
          .nth(3)
          .waitFor();
        await openAll(page);
      },
    ],
    tasks: ['/admin/agents/tasks', (page) => page.locator('[data-task]').nth(3).waitFor()],
    'tasks-chosen': [
      '/admin/agents/tasks',
      async (page) => {
        await page.getByRole('checkbox', { name: 'Choose Bind it' }).click();
        await page.getByRole('toolbar').getByRole('button', { name: 'Cancel 1' }).click();
        await page.getByRole('dialog', { name: 'Cancel 1 task' }).waitFor();
      },
    ],
    'task-to-approve': [
      `/admin/agents/tasks?task=${toApprove.id}`,
      (page) => page.getByRole('dialog').getByRole('button', { name: 'Reject' }).waitFor(),
    ],
    approvals: ['/admin/agents/approvals', (page) => page.getByRole('article').nth(1).waitFor()],
    'approval-rejected': [
      '/admin/agents/approvals',
      async (page) => {
        await page.getByRole('article').getByRole('button', { name: 'Reject' }).first().click();
        await page.getByRole('dialog').getByRole('textbox', { name: 'Reason' }).and(page.locator(':focus')).waitFor();
      },
    ],
    schedules: ['/admin/agents/schedules', (page) => page.locator('tbody tr').nth(1).waitFor()],
    task: [
      `/admin/agents/tasks?task=${task.id}`,
      async (page) => {
        await page.getByRole('dialog').getByText('The task is done.').first().waitFor();
        await page.getByRole('dialog').getByRole('region', { name: 'Journal' }).getByRole('listitem').last().waitFor();
        await page
          .getByRole('dialog')
          .getByRole('region', { name: /^Steps/ })
          .locator('details')
          .first()
          .waitFor();
      },
    ],
    palette: [
      '/runs',
      async (page) => {
        await page.locator('tbody tr').first().waitFor();
        await page.keyboard.press('Control+k');
        await page.getByRole('dialog').getByText('Assistant', { exact: true }).waitFor({ state: 'attached' });
      },
    ],
    sessions: [
      `/chat/${session}`,
      async (page) => {
        if (page.viewportSize()?.width === 400)
          await page.getByRole('button', { name: 'Sessions', exact: true }).click();
        await page
          .getByRole('button', { name: /^Actions for Compute/ })
          .and(page.locator(':visible'))
          .click();
        await page.getByRole('menuitem', { name: 'Rename' }).waitFor();
      },
    ],
  };
}
