import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createClient, type Client } from '@reeve/client';
import { routes } from '@reeve/contract';
import {
  startFakeUpstream,
  startMcpServer,
  startReeve,
  type FakeUpstream,
  type Reeve,
  type TestMcpServer,
} from '@reeve/testing';
import type { FileChooser, Page } from 'playwright-core';
import { findChromium, SUITE_MS, type TestBrowser } from '../../../test/browser.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);
/** Eight by eight pixels of red. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkAKP8/wc53yE8AAAAASUVORK5CYII=',
  'base64',
);
const picture = { name: 'red.png', mimeType: 'image/png', buffer: PNG };

describe('files in the chat', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let upstream: FakeUpstream;
  let studio: TestMcpServer;
  let server: Reeve;
  let client: Client;
  let browser: TestBrowser;
  before(async () => {
    upstream = stack.use(await startFakeUpstream());
    studio = stack.use(await startMcpServer());
    server = stack.use(await startReeve({ ...upstream.environment, REEVE_ALLOW_PRIVATE_URLS: 'true' }));
    client = createClient({ baseUrl: server.url });
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  beforeEach(() => upstream.reset());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  async function attach(page: Page, files: Parameters<FileChooser['setFiles']>[0]) {
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Attach files' }).click();
    await (await chooser).setFiles(files);
  }
  const asked = () => JSON.stringify(upstream.requests.at(-1)!.body);

  it('are chosen, shown beside what was asked, and in a new conversation too', async () => {
    upstream.respond(() => ({ text: ['It is red.'] }));
    const page = await browser.visit(server.url);
    await attach(page, [picture, { name: 'notes.md', mimeType: 'text/markdown', buffer: Buffer.from('# Buy paint') }]);
    const chosen = page.getByRole('list', { name: 'Attached files' });
    await chosen.getByText('notes.md').waitFor();
    await page.getByRole('textbox', { name: 'Message' }).fill('What color is it?');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.waitForURL(/\/chat\/[\da-f-]{36}$/);
    await page.getByText('It is red.').waitFor();
    await chosen.waitFor({ state: 'detached' });
    assert.ok(asked().includes(PNG.toString('base64')) && asked().includes('# Buy paint'));

    const files = page.getByRole('article').getByRole('list', { name: 'Files' });
    const shown = files.getByRole('img', { name: 'red.png' });
    await shown.waitFor();
    assert.equal(await shown.evaluate((image) => (image as HTMLImageElement).naturalWidth), 8);
    const saved = page.waitForEvent('download');
    await files.getByRole('button', { name: /notes\.md/ }).click();
    assert.equal((await saved).suggestedFilename(), 'notes.md');
    await page.reload();
    await files.getByRole('img', { name: 'red.png' }).waitFor();
    assert.equal(await page.getByRole('article').count(), 1);
  });

  it('can go alone, are pasted and dropped, and are taken away again', async () => {
    upstream.respond(() => ({ text: ['Seen.'] }));
    const page = await browser.visit(server.url);
    const give = (event: 'paste' | 'drop', name: string) =>
      page.getByRole('textbox', { name: 'Message' }).evaluate(
        (element, { event, name, bytes }) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], name, { type: 'image/png' }));
          const made =
            event === 'paste'
              ? new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })
              : new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
          element.dispatchEvent(made);
        },
        { event, name, bytes: [...PNG] },
      );
    await give('paste', 'pasted.png');
    await give('drop', 'dropped.png');
    const chosen = page.getByRole('list', { name: 'Attached files' });
    await chosen.getByText('dropped.png').waitFor();
    await page.getByRole('button', { name: 'Remove pasted.png' }).click();
    await chosen.getByText('pasted.png').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('Seen.').waitFor();
    await page.getByRole('article').getByRole('img', { name: 'dropped.png' }).waitFor();
    assert.equal(asked().split(PNG.toString('base64')).length - 1, 1);
    const { runs } = await client.call(routes.listRuns, { query: { limit: 1 } });
    assert.deepEqual([runs[0]?.input, runs[0]?.attachments?.length], ['', 1]);
    await page.getByRole('heading', { name: 'dropped.png' }).waitFor();
  });

  it('say why one cannot go, and hold the message until it is removed', async () => {
    upstream.respond(() => ({ text: ['Fine.'] }));
    const page = await browser.visit(server.url);
    await attach(page, [{ name: 'empty.txt', mimeType: 'text/plain', buffer: Buffer.alloc(0) }]);
    await page.getByRole('alert').getByText('The file is empty.').waitFor();
    await page.getByRole('textbox', { name: 'Message' }).fill('Go on');
    assert.ok(await page.getByRole('button', { name: 'Send' }).isDisabled());
    await page.getByRole('button', { name: 'Remove empty.txt' }).click();
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('Fine.').waitFor();
  });

  it('are uploaded again where that failed', async () => {
    upstream.respond(() => ({ text: ['It is red.'] }));
    const page = await browser.visit(server.url, { expected: /net::ERR_FAILED/ });
    const isUpload = (url: URL): boolean => url.pathname.endsWith('/files/content');
    await page.route(isUpload, (route) => route.abort());
    await attach(page, [picture]);
    const again = page.getByRole('button', { name: 'Try again red.png' });
    await again.waitFor();
    assert.ok(await page.getByRole('button', { name: 'Send' }).isDisabled());
    await page.unroute(isUpload);
    await again.click();
    await again.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('It is red.').waitFor();
    assert.ok(asked().includes(PNG.toString('base64')));
  });

  it('stay with their conversation while a message goes in another one', async () => {
    upstream.respond(() => ({ text: ['Noted.'] }));
    await client.call(routes.chat, { body: { agent_config_id: 'assistant', message: 'Elsewhere', stream: false } });
    const page = await browser.visit(`${server.url}/chat`);
    const chosen = page.getByRole('list', { name: 'Attached files' });
    await attach(page, [picture]);
    await chosen.getByText('red.png').waitFor();
    await page.getByRole('link', { name: /^Elsewhere/ }).click();
    await chosen.waitFor({ state: 'detached' });
    await attach(page, [{ name: 'notes.md', mimeType: 'text/markdown', buffer: Buffer.from('# Buy paint') }]);
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('article').nth(1).getByText('Noted.').waitFor();
    await chosen.waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'New chat' }).click();
    await chosen.getByText('red.png').waitFor();
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('article').getByRole('img', { name: 'red.png' }).waitFor();
  });

  it('go again with the message where its run failed', async () => {
    upstream.script([{ status: 400, message: 'no images today' }, { text: ['Now I see.'] }]);
    const page = await browser.visit(server.url);
    await attach(page, [picture]);
    await page.getByRole('textbox', { name: 'Message' }).fill('Look');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('no images today').waitFor();
    await page.getByRole('button', { name: 'Ask again' }).click();
    await page.getByText('Now I see.').waitFor();
    assert.ok(asked().includes(PNG.toString('base64')));
  });

  it('of a tool are shown at its call and its step, until they are deleted', async () => {
    await client.call(routes.createMcpServer, { body: { name: 'studio', url: studio.url } });
    await client.call(routes.createAgent, { body: { name: 'Artist', slug: 'artist', tools: ['mcp__studio__draw'] } });
    upstream.respond(({ messages }) =>
      messages.some(({ role }) => role === 'tool')
        ? { text: ['Drawn.'] }
        : { toolCalls: [{ name: 'mcp__studio__draw', input: {} }] },
    );
    const page = await browser.visit(`${server.url}/chat?agent=artist`, { expected: /status of 400/ });
    await page.getByRole('textbox', { name: 'Message' }).fill('Draw a dot');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('Drawn.').waitFor();
    const files = page.getByRole('list', { name: 'Files' });
    const drawing = files.getByRole('img', { name: 'image.png' });
    await drawing.waitFor();
    const width = () => drawing.evaluate((image) => (image as HTMLImageElement).naturalWidth);
    assert.equal(await width(), 1);
    const sound = files.getByLabel('audio.wav');
    await sound.and(page.locator('[src^="data:audio/wav"]')).waitFor();
    const seconds = await sound.evaluate(async (element) => {
      const audio = element as HTMLAudioElement;
      if (audio.readyState === 0) await new Promise((resolve) => audio.addEventListener('loadedmetadata', resolve));
      return audio.duration;
    });
    assert.equal(seconds, 0.1);

    await page.getByRole('link', { name: 'Steps of this run' }).click();
    await page.locator('summary', { hasText: 'mcp__studio__draw' }).click();
    await drawing.waitFor();
    assert.equal(await width(), 1);

    const { runs } = await client.call(routes.listRuns, { query: { limit: 1 } });
    const id = runs[0]!.session_id;
    const { files: kept } = await client.call(routes.listFiles, { params: { id }, query: { path: 'attachments' } });
    for (const { path } of kept) {
      const inside = await client.call(routes.listFiles, { params: { id }, query: { path } });
      for (const file of inside.files)
        await client.call(routes.deleteFile, { params: { id }, query: { path: file.path } });
    }
    await page.reload();
    await page.locator('summary', { hasText: 'mcp__studio__draw' }).click();
    await page.getByText('The image cannot be shown: it may be deleted.').waitFor();
    await page.getByText('The sound cannot be played: it may be deleted.').waitFor();
  });
});
