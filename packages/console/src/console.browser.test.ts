import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, afterEach, before, describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import {
  createTestDatabase,
  startFakeUpstream,
  startServer,
  type ServerProcess,
  type UpstreamReply,
} from '@reeve/testing';
import type { Page } from 'playwright-core';
import { findBarriers, findChromium, type TestBrowser } from './test-browser.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);
/** Where every page that is looked at is kept as a picture, to look at it. */
const pictures = process.env['REEVE_TEST_PICTURES'];
const WIDTHS = [1280, 400];
const MISSING = '019aa3c4-0000-7000-8000-000000000001';

/** An address and what is done there before it is looked at. */
type Place = readonly [path: string, act?: (page: Page) => Promise<unknown>];

describe('every page', { skip: chromium.missing, timeout: 170_000 }, () => {
  const stack = new AsyncDisposableStack();
  let empty: ServerProcess;
  let full: ServerProcess;
  let filled: Record<string, Place>;
  let browser: TestBrowser;

  before(async () => {
    const upstream = stack.use(await startFakeUpstream());
    upstream.script(ANSWERS);
    const environment = { LLM_PROVIDER: 'openai-compatible', LLM_MODEL: 'fake', LLM_BASE_URL: upstream.url };
    [empty, full] = await Promise.all([
      startServer(stack.use(await createTestDatabase())),
      startServer({ ...stack.use(await createTestDatabase()), environment }),
    ]);
    stack.use(empty);
    stack.use(full);
    filled = await fill(full);
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  for (const scheme of ['light', 'dark'] as const) {
    it(`breaks no accessibility rule and fits a phone, ${scheme} and empty`, () => lookAt(empty, EMPTY, scheme));
    it(`breaks no accessibility rule and fits a phone, ${scheme} and full`, () => lookAt(full, filled, scheme));
  }

  async function lookAt(server: ServerProcess, places: Record<string, Place>, scheme: 'light' | 'dark'): Promise<void> {
    const barriers: string[] = [];
    for (const width of WIDTHS) {
      const page = await browser.visit(server.url, { width, scheme, expected: /status of (404|400)/ });
      for (const [name, [path, act]] of Object.entries(places)) {
        await page.goto(server.url + path);
        await act?.(page);
        await page.locator('[aria-busy="true"]').waitFor({ state: 'detached' });
        barriers.push(...(await findBarriers(page)).map((barrier) => `${name}, ${width} px: ${barrier}`));
        if (pictures !== undefined) {
          await mkdir(pictures, { recursive: true });
          await page.screenshot({ path: `${pictures}/${name}-${scheme}-${width}.png` });
        }
      }
    }
    assert.deepEqual(barriers, []);
  }
});

const heading = (name: string | RegExp) => (page: Page) => page.getByRole('heading', { name }).first().waitFor();

const EMPTY: Record<string, Place> = {
  welcome: ['/chat', heading('Ask an agent')],
  'no-runs': ['/runs', (page) => page.getByText('No agent has run yet.').waitFor()],
  'no-tasks': ['/admin/agents/tasks', (page) => page.getByText('The queue is empty.').waitFor()],
  'new-task': [
    '/admin/agents/tasks?create=true',
    async (page) => {
      await page.getByRole('button', { name: 'Create task' }).click();
      await page.locator('[aria-invalid="true"]').first().waitFor();
    },
  ],
  'no-session': [`/chat/${MISSING}`, (page) => page.getByText('could not be loaded').waitFor()],
  'no-run': [`/runs/${MISSING}`, (page) => page.getByText('The run could not be loaded').waitFor()],
  'sign-in': ['/sign-in', heading('Sign in')],
  'not-found': ['/nowhere', heading(/./)],
  health: [
    '/runs',
    async (page) => {
      await page.getByRole('button', { name: /^Health: (Healthy|Degraded)/ }).click();
      await page.getByRole('dialog').locator('table').waitFor();
    },
  ],
  shortcuts: [
    '/runs',
    async (page) => {
      await page.getByText('No agent has run yet.').waitFor();
      await page.keyboard.press('?');
      await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    },
  ],
};

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
async function fill(server: ServerProcess): Promise<Record<string, Place>> {
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
    tasks: ['/admin/agents/tasks', (page) => page.locator('tbody tr').nth(3).waitFor()],
    task: [
      `/admin/agents/tasks?task=${task.id}`,
      async (page) => {
        await page.getByRole('dialog').getByText('The task is done.').first().waitFor();
        await page.getByRole('dialog').getByRole('listitem').waitFor();
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
