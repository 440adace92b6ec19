import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { serveConsole } from './console-files.ts';

describe('the files of the console', () => {
  const root = mkdtempSync(join(tmpdir(), 'reeve-console-'));
  const dist = join(root, 'dist');
  const serve = serveConsole(dist);
  const get = (path: string, init: RequestInit = {}) => serve(new Request(`http://test${path}`, init));
  const html = { headers: { accept: 'text/html,*/*' } };

  before(() => {
    mkdirSync(join(dist, 'assets'), { recursive: true });
    mkdirSync(join(root, 'dist-secret'));
    writeFileSync(join(dist, 'index.html'), '<p>console</p>');
    writeFileSync(join(dist, 'favicon.svg'), '<svg/>');
    writeFileSync(join(dist, 'assets/app-1a2b.js'), 'run()');
    writeFileSync(join(dist, 'assets/app.css'), 'a{}');
    writeFileSync(join(dist, 'notes.exe'), 'x');
    writeFileSync(join(root, 'secret.txt'), 'secret');
    writeFileSync(join(root, 'dist-secret/key.txt'), 'secret');
    mkdirSync(join(dist, 'folder.js'));
    symlinkSync(join(root, 'missing.js'), join(dist, 'dangling.js'));
  });
  after(() => rmSync(root, { recursive: true }));

  it('have their types; hashed ones are kept for good, others asked for again', async () => {
    for (const [path, type, cache, text] of [
      ['/assets/app-1a2b.js', 'text/javascript; charset=utf-8', 'public, max-age=31536000, immutable', 'run()'],
      ['/assets/app.css', 'text/css; charset=utf-8', 'public, max-age=31536000, immutable', 'a{}'],
      ['/favicon.svg?v=1', 'image/svg+xml', 'no-cache', '<svg/>'],
      ['/index.html', 'text/html; charset=utf-8', 'no-cache', '<p>console</p>'],
    ] as const) {
      const response = (await get(path))!;
      assert.deepEqual(
        [
          response.status,
          response.headers.get('content-type'),
          response.headers.get('cache-control'),
          await response.text(),
        ],
        [200, type, cache, text],
      );
      assert.equal(response.headers.get('content-length'), String(text.length));
    }
  });

  it('give the page for every address that a browser asks for as a page, and for nothing else', async () => {
    for (const path of ['/', '/runs', '/runs/0190a6a0-0000-7000-8000-000000000000', '/agents/assistant?tab=x', '/apis'])
      assert.equal(await (await get(path, html))?.text(), '<p>console</p>', path);
    assert.equal((await get('/'))?.status, 200);
    for (const path of ['/api/v1/nothing', '/v1/models', '/memory/nothing', '/assets/missing'])
      assert.equal(await get(path, html), undefined, path);
    assert.equal(await get('/runs'), undefined);
  });

  it('are not found where they are missing, a folder, or of another type', async () => {
    for (const path of [
      '/assets/missing.js',
      '/missing.svg',
      '/folder.js',
      '/notes.exe',
      '/dangling.js',
      '/assets/',
      '/.env',
      '/%00.js',
      '/%',
    ])
      assert.equal(await get(path), undefined, path);
    assert.equal(await get('/assets/missing.js', html), undefined, 'the page is no script');
  });

  it('stay inside their folder, whatever the address', async () => {
    for (const path of [
      '/../secret.txt',
      '/..%2fsecret.txt',
      '/%2e%2e/secret.txt',
      '/%2e%2e%2fsecret.txt',
      '/assets/..%2f..%2fsecret.txt',
      '/..%5csecret.txt',
      '/..%2fdist-secret%2fkey.txt',
      '/%252e%252e%252fsecret.txt',
      `/${encodeURIComponent(join(root, 'secret.txt'))}`,
      '//secret.txt',
      '/%2f%2fsecret.txt',
      '/..%00/secret.txt',
      '/.%00./secret.txt',
    ])
      assert.equal(await get(path), undefined, path);
  });

  it('may not be framed, or run what is not theirs', async () => {
    for (const path of ['/', '/assets/app-1a2b.js']) {
      const { headers } = (await get(path))!;
      const policy = headers.get('content-security-policy')!;
      assert.match(policy, /default-src 'none'; script-src 'self';/);
      assert.match(policy, /frame-ancestors 'none'/);
      assert.doesNotMatch(policy, /script-src[^;]*unsafe/);
    }
  });

  it('are not left open by a HEAD request', { skip: process.platform !== 'linux' && 'needs /proc' }, async () => {
    const response = (await get('/assets/app-1a2b.js', { method: 'HEAD' }))!;
    assert.deepEqual([response.status, response.body, response.headers.get('content-length')], [200, null, '5']);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const open = readdirSync('/proc/self/fd').map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    });
    assert.deepEqual(
      open.filter((path) => path.startsWith(dist)),
      [],
    );
  });

  it('say how to build them where they are not built', async () => {
    const response = (await serveConsole(join(root, 'nowhere'))(new Request('http://test/')))!;
    assert.equal(response.status, 503);
    assert.match(await response.text(), /The console is not built/);
  });
});
