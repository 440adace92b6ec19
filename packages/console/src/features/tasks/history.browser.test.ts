import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import { createTestDatabase, startServer, type ServerProcess } from '@reeve/testing';
import type { Page } from 'playwright-core';
import { findChromium, SERVER_GONE, SUITE_MS, type TestBrowser } from '../../../test/browser.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);
const TASKS = 50_000;
const AT_ONCE = 1_000;
const LATER = new Date(Date.now() + 86_400_000).toISOString();

describe('a history of 50,000 tasks', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let serve: (url?: string) => Promise<ServerProcess>;
  let server: ServerProcess;
  let browser: TestBrowser;
  let board: string;

  before(async () => {
    const place = stack.use(await createTestDatabase());
    serve = (url) => startServer({ ...place, environment: url === undefined ? {} : { REEVE_PORT: new URL(url).port } });
    server = stack.use(await serve());
    for (let made = 0; made < TASKS; made += AT_ONCE) await createMany(made, AT_ONCE);
    board = `${server.url}/admin/agents/tasks`;
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  /** The title of the task that is so many places below the newest. */
  const titleAt = async (offset: number): Promise<string> => {
    const query = { limit: 1, offset };
    return (await createClient({ baseUrl: server.url }).call(routes.listTasks, { query })).tasks[0]!.title;
  };
  const createMany = (from: number, count: number) =>
    createClient({ baseUrl: server.url }).call(routes.createTaskBatch, {
      body: {
        tasks: Array.from({ length: count }, (_, index) => ({
          agent_id: 'assistant',
          task_type: 'execute',
          title: `task ${from + index}`,
          payload: {},
          run_at: LATER,
        })),
      },
    });

  it('is scrolled from its newest to its oldest task with less than 400 elements on the page', async () => {
    const page = await browser.visit(board);
    await page.getByText('50,000 tasks').waitFor();
    const fetched: string[] = [];
    page.on('request', (request) => void (request.url().includes('tasks?') && fetched.push(request.url())));
    for (const place of [0, 0.5, 1]) {
      await scrollTo(page, place);
      const title = await titleAt(Math.round(place * (TASKS - 1)));
      await page.getByRole('link', { name: title, exact: true }).waitFor();
      const elements = await page.evaluate(() => document.body.querySelectorAll('*').length);
      assert.ok(elements < 400, `${elements} elements at ${place}`);
    }
    assert.ok(fetched.length <= 8, `only what is looked at is fetched: ${fetched.join(' ')}`);
  });

  it('stays where it is scrolled to while new tasks come, and lets them in on asking', async () => {
    const page = await browser.visit(board);
    await page.locator('[data-live="live"]').waitFor();
    await scrollTo(page, 0.5);
    await page.getByRole('link', { name: await titleAt(TASKS / 2), exact: true }).waitFor();
    const quarter = await titleAt(TASKS / 4);
    const before = await page.locator('[data-row]').allInnerTexts();
    await createMany(TASKS, 3);
    await page.getByRole('button', { name: '3 new tasks' }).waitFor();
    assert.deepEqual(await page.locator('[data-row]').allInnerTexts(), before);
    await scrollTo(page, 0.25);
    await page.getByRole('link', { name: quarter, exact: true }).waitFor();
    await page.getByRole('button', { name: '3 new tasks' }).click();
    await page
      .getByRole('link', { name: /^task 5000[0-2]$/ })
      .nth(2)
      .waitFor();
    await page.getByText('50,003 tasks').waitFor();
  });

  it('is followed on after the server was away, and says meanwhile that it looks instead', async () => {
    const page = await browser.visit(board, { expected: SERVER_GONE });
    await page.locator('[data-live="live"]').waitFor();
    await page.locator('[data-task]').first().waitFor();
    await server.end('SIGKILL');
    await page.locator('[data-live="lost"]').waitFor();
    server = stack.use(await serve(server.url));
    await createMany(TASKS + 3, 1);
    await page.locator('[data-live="live"]').waitFor();
    await page.getByRole('link', { name: `task ${TASKS + 3}`, exact: true }).waitFor();
    await createMany(TASKS + 4, 1);
    await page.getByRole('link', { name: `task ${TASKS + 4}`, exact: true }).waitFor();
  });
});

/** Scrolls the list to a part of its height. */
const scrollTo = (page: Page, part: number) =>
  page.getByRole('table', { name: 'Tasks, newest first' }).evaluate((table, at) => {
    const frame = table.parentElement!;
    frame.scrollTop = at * (frame.scrollHeight - frame.clientHeight);
  }, part);
