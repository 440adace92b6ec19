import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createClient, type Client } from '@reeve/client';
import { routes } from '@reeve/contract';
import { startFakeUpstream, startReeve, type FakeUpstream, type Reeve } from '@reeve/testing';
import type { Download, Locator, Page } from 'playwright-core';
import { focusInDialog } from '../../../test/act.ts';
import { findChromium, SUITE_MS, type TestBrowser } from '../../../test/browser.ts';

const chromium = findChromium(process.env['REEVE_CHROMIUM']);
const QUOTA_MB = 4;

describe('the files of a session', { skip: chromium.missing, timeout: SUITE_MS }, () => {
  const stack = new AsyncDisposableStack();
  let upstream: FakeUpstream;
  let server: Reeve;
  let client: Client;
  let browser: TestBrowser;

  before(async () => {
    upstream = stack.use(await startFakeUpstream());
    const environment = { ...upstream.environment, REEVE_WORKSPACE_QUOTA_MB: String(QUOTA_MB) };
    server = stack.use(await startReeve(environment));
    client = createClient({ baseUrl: server.url });
    browser = stack.use(await chromium.open());
  });
  after(() => stack.disposeAsync());
  beforeEach(() => upstream.reset());
  afterEach(async () => assert.deepEqual(await browser.settle(), []));

  /** A session with files in it, and its page with the files open. */
  async function open(files: Readonly<Record<string, string>>, expected?: RegExp) {
    upstream.script([{ text: ['Hello.'] }]);
    const { session_id: id } = await client.call(routes.query, { body: { message: 'hello' } });
    for (const [path, text] of Object.entries(files)) await put(id, path, text);
    const page = await browser.visit(`${server.url}/chat/${id}?files=/`, expected === undefined ? {} : { expected });
    const panel = page.getByRole('dialog', { name: 'Files of the session' });
    await panel.getByRole('meter', { name: 'Space of the session' }).waitFor();
    return { id, page, panel };
  }
  const put = (id: string, path: string, text: string) =>
    client.call(routes.uploadFile, { params: { id }, query: { path }, upload: new Blob([text]) });
  const list = async (id: string, path = '') =>
    (await client.call(routes.listFiles, { params: { id }, query: { path } })).files.map(({ name }) => name);
  const read = async (id: string, path: string) =>
    (await client.bytes(routes.downloadFile, { params: { id }, query: { path } })).text();
  const names = (panel: Locator) => panel.locator('tbody [data-row]').allInnerTexts();
  const choose = async (page: Page, panel: Locator, ...files: readonly (readonly [name: string, text: string])[]) => {
    const chooser = page.waitForEvent('filechooser');
    await panel.getByRole('button', { name: 'Upload', exact: true }).click();
    await (
      await chooser
    ).setFiles(files.map(([name, text]) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) })));
  };
  const upload = (panel: Locator, path: string) => panel.getByRole('listitem', { name: path, exact: true });

  it('can be walked through, and taken one by one or all at once', async () => {
    const { id, page, panel } = await open({
      'notes/today/list.md': '- one',
      'notes/a b ü.txt': 'hello',
      'zero.bin': 'x'.repeat(2_048),
    });
    assert.deepEqual(await names(panel), ['notes', 'zero.bin']);
    await panel.getByRole('cell', { name: '2 KiB' }).waitFor();
    assert.match((await panel.getByRole('meter').getAttribute('aria-valuetext')) ?? '', /KiB of 4 MiB used/);
    await page.keyboard.press('j');
    await panel.locator('tbody a:focus').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(/files=%2Fnotes$/);
    await panel.getByRole('link', { name: 'today' }).click();
    await panel.getByRole('button', { name: 'list.md', exact: true }).waitFor();
    const way = panel.getByRole('navigation', { name: 'Directory' });
    assert.equal((await way.innerText()).replace(/\s+/g, ' '), 'All files notes today');
    await way.getByRole('link', { name: 'notes' }).click();
    const file = await downloaded(page, () => panel.getByRole('button', { name: 'a b ü.txt', exact: true }).click());
    assert.equal(file.suggestedFilename(), 'a b ü.txt');
    assert.equal(await readFile(await file.path(), 'utf8'), 'hello');
    await way.getByRole('link', { name: 'All files' }).click();
    const archive = await downloaded(page, () => panel.getByRole('button', { name: 'Download all' }).click());
    assert.equal(archive.suggestedFilename(), `${id}.zip`);
    assert.equal((await readFile(await archive.path())).subarray(0, 4).toString('latin1'), 'PK\u0003\u0004');

    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
    assert.ok(!page.url().includes('files='));
    await page.getByRole('button', { name: 'Files (2)' }).click();
    await panel.waitFor();
    await page.keyboard.press('f');
    await panel.waitFor({ state: 'detached' });
  });

  it('are uploaded one after the other, and none is replaced unasked', async () => {
    const { id, page, panel } = await open({ 'd/old.txt': 'before' });
    await panel.getByRole('link', { name: 'd', exact: true }).click();
    await panel.getByRole('button', { name: 'old.txt', exact: true }).waitFor();
    await choose(page, panel, ['old.txt', 'after'], ['one.txt', '1'], ['two.txt', '2']);
    await upload(panel, 'd/one.txt').getByText('Uploaded, 1 B').waitFor();
    await panel.getByRole('button', { name: 'two.txt', exact: true }).waitFor();
    assert.deepEqual(await names(panel), ['old.txt', 'one.txt', 'two.txt']);
    assert.equal(await read(id, 'd/old.txt'), 'before');
    await upload(panel, 'd/old.txt').getByRole('button', { name: 'Replace' }).click();
    await upload(panel, 'd/old.txt').getByText('Uploaded, 5 B').waitFor();
    assert.equal(await read(id, 'd/old.txt'), 'after');
    await choose(page, panel, ['old.txt', 'later']);
    await upload(panel, 'd/one.txt').waitFor({ state: 'detached' });
    await upload(panel, 'd/old.txt').getByRole('button', { name: 'Leave out' }).click();
    await panel.getByRole('list', { name: 'Uploads' }).waitFor({ state: 'detached' });
    assert.equal(await read(id, 'd/old.txt'), 'after');
  });

  it('are refused beyond the quota and beyond the size of a file, with the reason', async () => {
    const { id, page, panel } = await open({ 'one.bin': 'x'.repeat(3 * 1024 * 1024) }, /status of 409/);
    const bar = panel.locator('[data-reached]');
    assert.equal(await bar.count(), 0);
    const large = 'y'.repeat(2.5 * 1024 * 1024);
    await choose(page, panel, ['two.bin', large]);
    await upload(panel, 'two.bin').getByText('the workspace is full: it may hold 4 MiB').waitFor();
    assert.deepEqual(await list(id), ['one.bin']);

    await put(id, 'three.bin', 'x'.repeat(512 * 1024));
    await panel.getByRole('button', { name: 'Look again' }).click();
    await bar.getByText('nearly full').waitFor();

    await choose(page, panel, ['large.bin', 'z'.repeat(30 * 1024 * 1024)]);
    await upload(panel, 'large.bin').getByText('the workspace is full: it may hold 4 MiB').waitFor();

    await client.call(routes.deleteFile, { params: { id }, query: { path: 'one.bin' } });
    await upload(panel, 'two.bin').getByRole('button', { name: 'Try again' }).click();
    await upload(panel, 'two.bin').getByText('Uploaded, 2.5 MiB').waitFor();

    await page.evaluate(() => {
      const huge = new File([new Uint8Array(65 * 1024 * 1024)], 'huge.bin');
      const data = new DataTransfer();
      data.items.add(huge);
      document
        .querySelector('[role="meter"]')!
        .dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true }));
    });
    await upload(panel, 'huge.bin').getByText('A file may have 64 MiB; this one has 65 MiB.').waitFor();
    assert.equal(await upload(panel, 'huge.bin').getByRole('button', { name: 'Try again' }).count(), 0);
  });

  it('tell how far an upload is, go on while the panel is closed, and can be stopped', async () => {
    const { id, page, panel } = await open({ 'a.txt': 'x' });
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    await page.route('**/files/content?*', async (route) => {
      await held;
      await route.continue();
    });
    await choose(page, panel, ['b.txt', 'bb'], ['c.txt', 'cc']);
    await upload(panel, 'b.txt').getByRole('progressbar').waitFor();
    await upload(panel, 'c.txt').getByText('Waits for those before it').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Files (1)' }).click();
    await upload(panel, 'b.txt').getByRole('progressbar').waitFor();
    await upload(panel, 'b.txt').getByRole('button', { name: 'Stop b.txt' }).click();
    letGo();
    await upload(panel, 'c.txt').getByText('Uploaded').waitFor();
    assert.deepEqual(await list(id), ['a.txt', 'c.txt']);
  });

  it('can be dropped, and are told apart from folders', async () => {
    const { id, page, panel } = await open({});
    await panel.getByText('No files yet.').waitFor();
    await panel.getByText(`curl -T notes.txt '${server.url}/api/v1/sessions/${id}/files`).waitFor();
    const data = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['dropped'], 'dropped.txt'));
      return transfer;
    });
    const space = panel.getByRole('meter');
    await space.dispatchEvent('dragenter', { dataTransfer: data });
    await panel.locator('[data-over]').waitFor();
    await space.dispatchEvent('drop', { dataTransfer: data });
    await panel.getByRole('button', { name: 'dropped.txt', exact: true }).waitFor();
    assert.equal(await panel.locator('[data-over]').count(), 0);
    assert.equal(await read(id, 'dropped.txt'), 'dropped');
  });

  it('are deleted once that was confirmed', async () => {
    const { id, page, panel } = await open({ 'keep.txt': 'k', 'remove.txt': 'r' });
    await panel.getByRole('button', { name: 'Delete remove.txt' }).click();
    const question = page.getByRole('dialog', { name: 'Delete the file' });
    await question.getByRole('button', { name: 'Keep it' }).and(page.locator(':focus')).waitFor();
    await page.keyboard.press('Escape');
    await question.waitFor({ state: 'detached' });
    assert.ok(await panel.isVisible(), 'only the question is closed');
    await panel.getByRole('button', { name: 'Delete remove.txt' }).click();
    await question.getByRole('button', { name: 'Delete file' }).click();
    await panel.getByRole('button', { name: 'remove.txt', exact: true }).waitFor({ state: 'detached' });
    assert.deepEqual(await list(id), ['keep.txt']);
  });

  it('are shown as a run of the session leaves them', async () => {
    const { id, page, panel } = await open({ 'a.txt': 'x' });
    upstream.script([
      { text: [], toolCalls: [{ name: 'write_file', input: { path: 'made.txt', content: 'by a tool' } }] },
      { text: ['Written.'] },
      { text: [], toolCalls: [{ name: 'write_file', input: { path: 'again.txt', content: 'by a tool' } }] },
      { text: ['Written again.'] },
    ]);
    await client.call(routes.query, { body: { message: 'write', session_id: id } });
    await panel.getByRole('button', { name: 'made.txt', exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
    await page.getByRole('textbox', { name: 'Message' }).fill('write again');
    await page.keyboard.press('Enter');
    await page.getByText('Written again.').waitFor();
    await page.getByRole('button', { name: 'Files (3)' }).waitFor();
  });

  it('are shown a hundred at a time', async () => {
    const { id, page, panel } = await open({});
    await Promise.all(Array.from({ length: 120 }, (_, n) => put(id, `many/${String(n).padStart(3, '0')}`, 'x')));
    await page.goto(`${server.url}/chat/${id}?files=/many`);
    await panel.getByRole('button', { name: '099', exact: true }).waitFor();
    assert.equal((await names(panel)).length, 100);
    await panel.getByRole('button', { name: 'Show more' }).click();
    await panel.getByRole('button', { name: '119', exact: true }).waitFor();
  });

  it('are reached from a run, and a directory that is not there is told of', async () => {
    const { id, page } = await open({ 'a.txt': 'x' }, /status of 400/);
    const { runs } = await client.call(routes.listRuns, { query: { session_id: id } });
    await page.goto(`${server.url}/runs/${runs[0]!.id}`);
    await page.getByRole('link', { name: 'Files of the session' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'a.txt', exact: true }).waitFor();
    await page.goto(`${server.url}/chat/${id}?files=/nowhere`);
    const panel = page.getByRole('dialog', { name: 'Files of the session' });
    await panel.getByText('The directory could not be loaded').waitFor();
    await focusInDialog(page);
    await panel.getByRole('link', { name: 'All files' }).click();
    await panel.getByRole('button', { name: 'a.txt', exact: true }).waitFor();
  });
});

async function downloaded(page: Page, act: () => Promise<void>): Promise<Download> {
  const [file] = await Promise.all([page.waitForEvent('download'), act()]);
  return file;
}
