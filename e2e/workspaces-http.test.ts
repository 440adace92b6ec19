import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { createClient } from '@reeve/client';
import { MAX_UPLOAD_BYTES, routes } from '@reeve/contract';
import { newId } from '@reeve/kit';
import { startReeve, type Reeve } from '@reeve/testing/reeve';

const run = promisify(execFile);
const QUOTA_MB = 8;

describe('the files of a session', { timeout: 300_000 }, () => {
  let reeve: Reeve;
  let client: ReturnType<typeof createClient>;
  before(async () => {
    reeve = await startReeve({ REEVE_WORKSPACE_QUOTA_MB: String(QUOTA_MB) });
    client = createClient({ baseUrl: reeve.url });
  });
  after(() => reeve[Symbol.asyncDispose]());

  const at = (id: string, path: string) => ({ params: { id }, query: { path } });
  const upload = (id: string, path: string, bytes: string | Buffer) =>
    client.call(routes.uploadFile, { ...at(id, path), upload: new Blob([new Uint8Array(Buffer.from(bytes))]) });
  const download = async (id: string, path: string) =>
    Buffer.from(await (await client.bytes(routes.downloadFile, at(id, path))).arrayBuffer());
  const list = async (id: string, path = '') => {
    const { files, total } = await client.call(routes.listFiles, at(id, path));
    return { files: files.map((file) => `${file.kind} ${file.path} ${file.kind === 'file' ? file.size : ''}`), total };
  };
  const tool = (id: string, tool_name: string, args: Record<string, unknown>) =>
    client.call(routes.executeTool, { body: { tool_name, args, session_id: id } });

  it('are those that its tools see, both ways', async () => {
    const id = newId();
    assert.deepEqual(await list(id), { files: [], total: 0 });
    assert.deepEqual(await upload(id, 'data/in ü.csv', 'a,b\n'), { session_id: id, path: 'data/in ü.csv', size: 4 });
    const { result } = await tool(id, 'read_file', { path: 'data/in ü.csv' });
    assert.match(JSON.stringify(result), /a,b/);
    await tool(id, 'write_file', { path: 'out.txt', content: 'made by a tool' });
    assert.equal((await download(id, 'out.txt')).toString(), 'made by a tool');
    assert.deepEqual(await list(id), { files: ['directory data ', 'file out.txt 14'], total: 2 });
    assert.deepEqual(await list(id, 'data/'), { files: ['file data/in ü.csv 4'], total: 1 });
    const page = await client.call(routes.listFiles, { params: { id }, query: { limit: 1, offset: 1 } });
    assert.deepEqual([page.files.map(({ name }) => name), page.total], [['out.txt'], 2]);
    await client.call(routes.deleteFile, at(id, 'out.txt'));
    assert.deepEqual((await list(id)).files, ['directory data ']);
  });

  it('come as any bytes, are replaced whole, and are never shown as a page', async () => {
    const id = newId();
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, n) => (n * 7919) % 256));
    await upload(id, 'b.bin', 'before');
    await upload(id, 'b.bin', bytes);
    assert.deepEqual(await download(id, 'b.bin'), bytes);
    await upload(id, 'x.html', '<script>alert(1)</script>');
    const { headers } = await fetch(`${reeve.url}/api/v1/sessions/${id}/files/content?path=x.html`);
    assert.equal(headers.get('content-type'), 'application/octet-stream');
    assert.match(headers.get('content-disposition')!, /^attachment; filename="x\.html"/);
    assert.match(headers.get('content-security-policy')!, /sandbox/);
    await upload(id, 'empty', '');
    assert.equal((await download(id, 'empty')).length, 0);
  });

  it('come all together as a zip archive', async () => {
    const id = newId();
    const deep = `${'d/'.repeat(20)}deep.txt`;
    const large = Buffer.alloc(2 * 1024 * 1024, 'abc');
    await upload(id, 'a.txt', 'A');
    await upload(id, deep, 'deep');
    await upload(id, 'large.bin', large);
    const archive = await client.bytes(routes.downloadWorkspace, { params: { id } });
    const place = await mkdtemp(join(tmpdir(), 'reeve-zip-'));
    try {
      await writeFile(join(place, 'all.zip'), Buffer.from(await archive.arrayBuffer()));
      // Another's reader of the format.
      await run('python3', ['-m', 'zipfile', '-e', 'all.zip', 'out'], { cwd: place });
      assert.equal(await readFile(join(place, 'out/a.txt'), 'utf8'), 'A');
      assert.equal(await readFile(join(place, 'out', deep), 'utf8'), 'deep');
      assert.deepEqual(await readFile(join(place, 'out/large.bin')), large);
    } finally {
      await rm(place, { recursive: true, force: true });
    }
  });

  it('are refused by name where they are not, or lie outside', async () => {
    const id = newId();
    const fails = (call: Promise<unknown>, status: number, message: RegExp) =>
      assert.rejects(call, (error: { status: number; message: string }) => {
        assert.equal(error.status, status, error.message);
        assert.match(error.message, message);
        return true;
      });
    await fails(download(id, 'a'), 404, /has no files/);
    await fails(client.bytes(routes.downloadWorkspace, { params: { id } }), 404, /has no files/);
    await upload(id, 'd/a', 'x');
    await fails(download(id, 'nothing'), 400, /does not exist/);
    await fails(download(id, 'd'), 400, /is a directory/);
    await fails(list(id, 'd/a'), 400, /is not a directory/);
    await fails(upload(id, 'd', 'x'), 400, /is a directory/);
    for (const path of ['../x', '/etc/passwd', 'd/../../x', 'a\u0000b']) {
      await fails(download(id, path), 400, /workspace|"\.\."|NUL/);
      await fails(upload(id, path, 'x'), 400, /workspace|"\.\."|NUL/);
      await fails(client.call(routes.deleteFile, at(id, path)), 400, /workspace|"\.\."|NUL/);
    }
    assert.deepEqual((await list(id)).files, ['directory d ']);
  });

  it('take no more than the quota, for uploads, file tools and programs', async () => {
    const id = newId();
    const part = Buffer.alloc(6.5 * 1024 * 1024, 'x');
    await upload(id, 'one', part);
    const refused = (error: { status: number; code: string }) => error.status === 409 && error.code === 'limit_reached';
    await assert.rejects(upload(id, 'two', part), refused);
    assert.deepEqual((await list(id)).files, [`file one ${part.length}`], 'nothing of it is left');
    const more = { path: 'more', content: 'x'.repeat(900_000) };
    assert.equal((await tool(id, 'write_file', more)).tool_status, 'success');
    const { tool_status, result } = await tool(id, 'write_file', { ...more, path: 'two' });
    assert.equal(tool_status, 'error');
    assert.match(JSON.stringify(result), /the workspace is full: it may hold 8 MiB, of which 7 are used/);
    const { tools } = await client.call(routes.listTools, {});
    if (tools.find(({ name }) => name === 'bash_execute')?.available) {
      const grown = await tool(id, 'bash_execute', { command: 'head -c 6000000 /dev/zero > two; sleep 5; echo here' });
      assert.equal(grown.tool_status, 'error', JSON.stringify(grown));
      const tidied = await tool(id, 'bash_execute', { command: 'rm *; echo tidied' });
      assert.equal(tidied.stdout, 'tidied\n');
      await upload(id, 'two', part);
    }
    const usage = await client.call(routes.getWorkspaceUsage, { params: { id } });
    assert.equal(usage.quota_bytes, QUOTA_MB * 1024 * 1024);
    assert.ok(usage.bytes >= part.length && usage.bytes < usage.quota_bytes, JSON.stringify(usage));
  });

  it('are left as they were by an upload that is too large or is cut off', async () => {
    const id = newId();
    await upload(id, 'a', 'before');
    const url = new URL(`/api/v1/sessions/${id}/files/content?path=a`, reeve.url);
    const tooLarge = await new Promise<number>((resolve, reject) => {
      const headers = { 'content-length': String(MAX_UPLOAD_BYTES + 1) };
      const asked = request(url, { method: 'PUT', headers }, (response) => resolve(response.statusCode!));
      asked.on('error', reject);
      asked.flushHeaders();
    });
    assert.equal(tooLarge, 413);
    const cut = request(url, { method: 'PUT', headers: { 'content-length': '1000' } });
    cut.on('error', () => undefined);
    cut.write('half', () => setTimeout(() => cut.destroy(), 100));
    await new Promise((resolve) => cut.once('close', resolve));
    for (let tries = 0; (await list(id)).total > 1 && tries < 50; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual((await list(id)).files, ['file a 6']);
    assert.equal((await download(id, 'a')).toString(), 'before');
  });

  it('go with their session', async () => {
    const { session_id: id } = await client.call(routes.query, { body: { message: 'hello' } });
    await upload(id, 'a/b', 'x');
    await client.call(routes.deleteSession, { params: { id } });
    assert.deepEqual(await list(id), { files: [], total: 0 });
    await assert.rejects(utimes(join(reeve.dataDirectory, 'workspaces/default', id), 0, 0), { code: 'ENOENT' });
  });
});
