import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { startReeve, type Reeve } from '@reeve/testing';
import type { Page } from 'playwright-core';
import { findChromium, SUITE_MS, type TestBrowser } from '../test/browser.ts';
import { lookAtPlaces, type Place } from '../test/look.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);
const MISSING = '019aa3c4-0000-7000-8000-000000000001';

describe('every page that has nothing to show', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let server: Reeve;
  let browser: TestBrowser;

  before(async () => {
    server = stack.use(await startReeve());
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  it('breaks no accessibility rule and fits a phone', async () =>
    assert.deepEqual(await lookAtPlaces(browser, server.url, EMPTY, process.env['REEVE_TEST_PICTURES']), []));
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
  'no-approvals': ['/admin/agents/approvals', (page) => page.getByText('Nothing waits for a decision.').waitFor()],
  'no-schedules': ['/admin/agents/schedules', (page) => page.getByText('Nothing is scheduled.').waitFor()],
  'new-schedule': [
    '/admin/agents/schedules?create=true',
    async (page) => {
      await page.getByRole('button', { name: 'Create schedule' }).click();
      await page.locator('[aria-invalid="true"]').first().waitFor();
    },
  ],
  'no-task': [
    `/admin/agents/tasks?task=${MISSING}`,
    (page) => page.getByText('The task could not be loaded').waitFor(),
  ],
  'no-session': [`/chat/${MISSING}`, (page) => page.getByText('could not be loaded').waitFor()],
  'no-files': [`/chat/${MISSING}?files=/`, (page) => page.getByText('No files yet.').waitFor()],
  'no-mcp': ['/admin/tools/mcp', (page) => page.getByText('No MCP server has been added.').waitFor()],
  'no-personas': ['/admin/knowledge', (page) => page.getByText('No persona yet.').waitFor()],
  'no-memories': ['/admin/memory', (page) => page.getByText('Nothing is remembered yet.').waitFor()],
  'no-playbooks': ['/admin/memory/playbooks', (page) => page.getByText('No playbook yet.').waitFor()],
  'no-tool': ['/admin/tools?q=nothing+has+this', (page) => page.getByText('No tool here has').waitFor()],
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
