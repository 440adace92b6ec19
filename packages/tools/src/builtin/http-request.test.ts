import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { silentLog } from '@reeve/kit';
import { openSandbox } from '@reeve/sandbox';
import { createToolRegistry, type ToolRegistry } from '../registry.ts';
import { contextOf, startTestWeb, type Seen } from '../../test/web.ts';
import { httpRequest } from './http-request.ts';

const pages: Record<string, (response: ServerResponse, request: Seen) => void> = {
  '/json': (response) => response.setHeader('content-type', 'application/problem+json; charset=utf-8').end('{"a":[1]}'),
  '/bad-json': (response) => response.setHeader('content-type', 'application/json').end('{"a":'),
  '/echo': (response, { method, headers, body }) =>
    response.end(JSON.stringify({ method, body, type: headers['content-type'], own: headers['x-own'] })),
  '/latin': (response) =>
    response.setHeader('content-type', 'text/plain; charset="ISO-8859-1"').end(Buffer.from([0xfc])),
  '/broken': (response) => response.setHeader('content-type', 'text/plain').end(Buffer.from([0x61, 0xff, 0xc3])),
  '/strange': (response) => response.setHeader('content-type', 'text/plain; charset=klingon').end('qapla'),
  '/binary': (response) => response.setHeader('content-type', 'image/png').end(Buffer.from([137, 80, 78, 71, 0])),
  '/untyped': (response) => response.end(Buffer.from([0, 1, 2])),
  '/large': (response) => response.setHeader('content-type', 'application/json').end(`"${'ü'.repeat(100_000)}"`),
  '/gzip': (response) => packed(response, 'gzip', gzipSync('hello')),
  '/br': (response) => packed(response, 'br', brotliCompressSync('hello')),
  '/bomb': (response) => packed(response, 'gzip', gzipSync(Buffer.alloc(64 * 1024 * 1024, 'x'))),
  '/no-gzip': (response) => packed(response, 'gzip', Buffer.from('this is not packed')),
  '/double': (response) => packed(response, 'gzip, br', Buffer.from('x')),
  '/missing': (response) => response.writeHead(404, { 'content-type': 'text/plain' }).end('no such thing'),
  '/drip': (response) => {
    const timer = setInterval(() => response.write('.'), 20);
    response.on('close', () => clearInterval(timer));
  },
  '/never': () => undefined,
  '/hang-up': (response) => response.destroy(),
  '/garbage': (response) => response.socket?.end('HTTP/1.1 banana\r\n\r\n'),
  '/loop': (response) => response.writeHead(302, { location: '/loop' }).end(),
  '/empty': (response) => response.writeHead(204).end(),
};

function packed(response: ServerResponse, encoding: string, body: Buffer): void {
  response.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': encoding }).end(body);
}

let server: Awaited<ReturnType<typeof startTestWeb>>;
let registry: ToolRegistry;
const sandbox = await openSandbox({ sandboxBackend: 'quickjs' }, silentLog);
before(async () => {
  server = await startTestWeb((request, response) => {
    const url = new URL(request.path, 'http://x');
    const target = url.searchParams.get('to');
    if (target !== null) response.writeHead(307, { location: target }).end();
    else (pages[url.pathname] ?? pages['/missing']!)(response, request);
  });
  registry = createToolRegistry({
    sandbox,
    web: server.web,
    config: { circuitFailureThreshold: 1, circuitResetTimeoutSeconds: 30 },
    log: silentLog,
    tools: [httpRequest(server.web)],
  });
});
after(async () => {
  await server[Symbol.asyncDispose]();
  await sandbox[Symbol.asyncDispose]();
});

async function ask(path: string, args: object = {}) {
  const url = path.startsWith('/') ? server.at(path) : path;
  const outcome = await registry.execute('http_request', { url, ...args }, contextOf());
  return { ...outcome, result: outcome.result as Record<string, unknown> };
}
async function fails(path: string, message: RegExp, args: object = {}, status = 'error'): Promise<void> {
  const outcome = await ask(path, args);
  assert.equal(outcome.tool_status, status, JSON.stringify(outcome));
  assert.match(String(outcome.result.error), message);
}

describe('http_request', () => {
  it('gives JSON as a value, other text as text, and of the rest only that it is there', async () => {
    const { result, tool_status } = await ask('/json');
    assert.deepEqual([tool_status, result.status, result.json], ['success', 200, { a: [1] }]);
    assert.equal((result.headers as Record<string, string>)['content-type'], 'application/problem+json; charset=utf-8');
    assert.equal((await ask('/bad-json')).result.text, '{"a":');
    assert.equal((await ask('/latin')).result.text, 'ü');
    assert.equal((await ask('/broken')).result.text, 'a\uFFFD\uFFFD');
    assert.equal((await ask('/strange')).result.text, 'qapla');
    for (const path of ['/binary', '/untyped']) {
      const { text, note } = (await ask(path)).result;
      assert.equal(text, undefined);
      assert.match(String(note), /\d bytes that is not text/);
    }
    const missing = await ask('/missing');
    assert.deepEqual(
      [missing.tool_status, missing.result.status, missing.result.text],
      ['success', 404, 'no such thing'],
    );
    assert.equal((await ask('/empty')).result.status, 204);
    assert.equal((await ask('/json', { method: 'HEAD' })).result.json, undefined);
  });

  it('sends what it is told', async () => {
    const sent = await ask('/echo', { method: 'POST', json: { b: null }, headers: { 'X-Own': 'yes' } });
    assert.deepEqual(JSON.parse(String(sent.result.text)), {
      method: 'POST',
      body: '{"b":null}',
      type: 'application/json',
      own: 'yes',
    });
    const plain = await ask('/echo', { method: 'PUT', body: 'a=1', headers: { 'Content-Type': 'text/x' } });
    assert.deepEqual(JSON.parse(String(plain.result.text)), { method: 'PUT', body: 'a=1', type: 'text/x' });
    await fails('/echo', /either "body" or "json"/, { method: 'POST', json: 1, body: '1' });
    await fails('/echo', /GET request has no body/, { body: '1' });
    await fails('/echo', /headers/, { headers: { 'x-a': 'b\r\nx-evil: 1' } });
    await fails('/echo', /headers/, { headers: { 'x a': 'b' } });
    await fails('/echo', /url/, { url: '' });
  });

  it('says what a repeat would do, by method', () => {
    const effect = (args: object) => registry.effectOf('http_request', { url: 'http://a.example', ...args });
    assert.deepEqual(
      [{}, { method: 'HEAD' }, { method: 'POST' }, { method: 'PUT' }, { method: 'DELETE' }, { method: 'nonsense' }].map(
        effect,
      ),
      ['none', 'none', 'external', 'external', 'external', 'external'],
    );
    assert.equal(registry.list()[0]!.effect, 'external');
  });

  it('unpacks what was packed unasked, and no further than it may', async () => {
    assert.equal((await ask('/gzip')).result.text, 'hello');
    assert.equal((await ask('/br')).result.text, 'hello');
    const bomb = await ask('/bomb');
    assert.equal(String(bomb.result.text).length, 100 * 1024);
    assert.equal(bomb.truncated, true);
    await fails('/no-gzip', /says that it is gzip and is not/);
    await fails('/double', /encoded as "gzip, br"/);
    assert.ok(server.seen.every(({ headers }) => headers['accept-encoding'] === 'identity'));
  });

  it('bounds size and time, and a server’s faults are not the tool’s', async () => {
    const large = await ask('/large');
    assert.equal(large.truncated, true);
    assert.equal(Buffer.byteLength(String(large.result.text)), 100 * 1024 - 1);
    await fails('/drip', /did not answer within 200 ms/, { timeout_ms: 200 }, 'timeout');
    await fails('/never', /did not answer within 200 ms/, { timeout_ms: 200 }, 'timeout');
    await fails('/hang-up', /cannot be reached/);
    await fails('/garbage', /cannot be reached/);
    await fails('/loop', /redirects more than 5 times/);
    await fails('http://127.0.0.1:1/', /ECONNREFUSED/);
    assert.equal(registry.list()[0]!.breaker, 'closed');
    await assert.rejects(
      registry.execute('http_request', { url: server.at('/never') }, contextOf(AbortSignal.timeout(50))),
      {
        reason: 'cancelled',
      },
    );
  });

  it('reaches no address that is not public, neither at once nor by a name nor by a redirect', async () => {
    const hidden = [
      'http://169.254.169.254/latest/meta-data/',
      'http://[fd00:ec2::254]/',
      `http://127.0.0.2:${server.port}/json`,
      server.at('/json', 'inside.example'),
      'http://2852039166/',
      'http://[::ffff:10.0.0.1]/',
    ];
    const before = server.seen.length;
    for (const url of hidden) await fails(url, /not on the public Internet/);
    assert.equal(server.seen.length, before);
    for (const url of hidden)
      await fails(`/?to=${encodeURIComponent(url)}`, /not on the public Internet/, { method: 'POST' });
    assert.equal(server.seen.length, before + hidden.length);
    for (const url of ['file:///etc/passwd', 'http://u:p@a.example/', 'gopher://a.example', 'x'])
      await fails(url, /^url must/);
    await fails(`/?to=${encodeURIComponent('file:///etc/passwd')}`, /^url must/);
  });

  it('takes no credentials along to another origin', async () => {
    const target = encodeURIComponent(server.at('/json', 'b.example'));
    const { result } = await ask(`/?to=${target}`, { headers: { authorization: 'Bearer secret', accept: 'text/x' } });
    assert.equal(result.url, server.at('/json', 'b.example'));
    const last = server.seen.at(-1)!;
    assert.deepEqual([last.host, last.headers.authorization, last.headers.accept], ['b.example', undefined, 'text/x']);
  });
});
