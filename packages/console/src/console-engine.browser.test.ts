import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { createClient, type Client } from '@reeve/client';
import { routes, type Run } from '@reeve/contract';
import { createTestDatabase, startFakeUpstream, startReeve, type Reeve, type UpstreamReply } from '@reeve/testing';
import type { Page } from 'playwright-core';
import { findChromium, SUITE_MS, type TestBrowser } from '../test/browser.ts';
import { lookAtPlaces, type Place } from '../test/look.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);

describe('every page of runs that wait, are forked and spend', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let server: Reeve;
  let places: Record<string, Place>;
  let browser: TestBrowser;

  before(async () => {
    const upstream = stack.use(await startFakeUpstream());
    upstream.script(ANSWERS);
    const place = await createTestDatabase();
    const models = join(place.dataDirectory, 'models.yaml');
    await writeFile(models, PRICES);
    const environment = {
      ...upstream.environment,
      REEVE_MODELS_FILE: models,
    };
    server = stack.use(await startReeve(environment, place));
    places = await fill(server);
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  it('breaks no accessibility rule and fits a phone', async () =>
    assert.deepEqual(await lookAtPlaces(browser, server.url, places, process.env['REEVE_TEST_PICTURES']), []));
});

const PRICES = `models:
  openai-compatible/fake:
    context_tokens: 100000
    max_output_tokens: 1000
    usd_per_million: { input: 1000, output: 10000 }
`;

const ANSWERS: readonly UpstreamReply[] = [
  { text: ['Let me compute.'], toolCalls: [{ name: 'calculator', input: { expression: '17 * 23' } }] },
  { text: ['It is **391**.'], usage: { inputTokens: 1200, outputTokens: 90, cachedTokens: 800, reasoningTokens: 60 } },
  { text: ['As I said: it is 391, and that is all there is to it.'] },
  { text: ['half ', 'an answer'], fault: 'error', message: 'the model fell over' },
  {
    text: ['I would like to compute this.'],
    toolCalls: [{ name: 'calculator', input: { expression: '6 * 7' } }],
  },
];

/** Gives a server a fork, a failure, a run that waits for a person with a message behind it, and budgets. */
async function fill(server: Reeve): Promise<Record<string, Place>> {
  const client = createClient({ baseUrl: server.url });
  await client.call(routes.createAgent, {
    body: { name: 'Careful', slug: 'careful', tools: ['calculator'], approvals: ['calculator'] },
  });
  await setBudgets(client, PLENTY);
  const answered = await ask(client, 'assistant', 'What is 17 * 23?');
  await ended(client, answered);
  const forked = await client.call(routes.forkRun, {
    params: { id: answered },
    body: { from_step: 4, message: 'Are you sure?' },
  });
  await ended(client, forked.id);
  await ended(client, await ask(client, 'assistant', 'And now fail, please'));
  const waiting = await fillWaiting(client);
  await setBudgets(client, LITTLE);
  return placesOf(answered, forked, waiting);
}

function placesOf(answered: string, forked: Run, waiting: Run): Record<string, Place> {
  const question = (page: Page) => page.getByRole('region', { name: 'Decision about calculator' });
  const row = (page: Page, region: string) => page.getByRole('region', { name: region }).locator('tbody tr').first();
  return {
    'approvals-of-calls': ['/admin/agents/approvals', (page) => page.getByRole('article').first().waitFor()],
    'approval-edited': [
      '/admin/agents/approvals',
      async (page) => {
        await page.getByRole('button', { name: 'Edit the input' }).click();
        await page.getByRole('dialog').getByRole('textbox', { name: 'Input' }).fill('{ "expression": }');
        await page.getByRole('button', { name: 'Approve with this input' }).click();
        await page.locator('[aria-invalid="true"]').waitFor();
      },
    ],
    'conversation-waiting': [
      `/chat/${waiting.session_id}`,
      async (page) => {
        await question(page).getByRole('button', { name: 'Approve' }).waitFor();
        await page.getByText('In line, behind the run before it').waitFor();
      },
    ],
    'run-waiting': [
      `/runs/${waiting.id}`,
      async (page) => {
        await question(page).getByRole('button', { name: 'Approve' }).waitFor();
        await question(page).scrollIntoViewIfNeeded();
      },
    ],
    'run-forked': [
      `/runs/${forked.id}`,
      async (page) => {
        await page.getByText('Made by this run').waitFor();
        await page.locator('[data-step="4"] summary').click();
        await page.locator('[data-step="4"]').getByRole('button', { name: 'Fork from here' }).waitFor();
      },
    ],
    'fork-dialog': [
      `/runs/${answered}`,
      async (page) => {
        await page.locator('[data-step="2"] summary').click();
        await page.locator('[data-step="2"]').getByRole('button', { name: 'Fork from here' }).click();
        await page.getByRole('dialog').getByText('which made the call').waitFor();
      },
    ],
    usage: [
      '/admin/usage?draw=tokens',
      async (page) => {
        await row(page, 'By agent').waitFor();
        await row(page, 'Calls').waitFor();
        await page.getByRole('meter').first().waitFor();
      },
    ],
    'usage-none': [
      '/admin/usage?from=2001-01-01&to=2001-01-31&outcome=never',
      async (page) => {
        await page.getByText('No model was called on these days.').waitFor();
        await page.getByText('No call matches.').waitFor();
      },
    ],
    'budget-form': [
      '/admin/usage',
      async (page) => {
        await page.getByRole('button', { name: 'Set a budget' }).click();
        await page.getByRole('button', { name: 'Set budget' }).click();
        await page.locator('[aria-invalid="true"]').first().waitFor();
      },
    ],
  };
}

async function fillWaiting(client: Client): Promise<Run> {
  const id = await ask(client, 'careful', 'What is 6 * 7, with care?');
  const read = () => client.call(routes.getRun, { params: { id } });
  await until(async () => (await read()).waiting_for === 'approval');
  const run = await read();
  await ask(client, 'careful', 'And then tell everybody', run.session_id);
  return run;
}

type Limits = readonly (readonly [agent: string | undefined, usd: string, tokens: number | null])[];

/** Budgets that hold nobody up while they fill, and then with much, little and nothing left. */
const PLENTY: Limits = [
  [undefined, '250', 5_000_000],
  ['assistant', '200', 100_000],
  ['careful', '200', null],
];
const LITTLE: Limits = [
  ['assistant', '4.5', 4_000],
  ['careful', '0.05', null],
];

async function setBudgets(client: Client, limits: Limits): Promise<void> {
  for (const [ref, limit_usd, limit_tokens] of limits) {
    const scope = ref === undefined ? 'tenant' : 'agent';
    await client.call(routes.putBudget, { body: { scope, ...(ref && { ref }), limit_usd, limit_tokens } });
  }
}

/** Sends a message and goes away; the id of its run. */
async function ask(client: Client, agent: string, message: string, session_id?: string): Promise<string> {
  const body = { agent_config_id: agent, message, ...(session_id !== undefined && { session_id }) };
  for await (const event of client.stream(routes.chat, { body: { ...body, stream: true } })) return event.run_id;
  throw new Error('the stream is empty');
}

const ended = (client: Client, id: string): Promise<void> =>
  until(async () => (await client.call(routes.getRun, { params: { id } })).ended_at !== null);

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, 'holds within a minute');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
