import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { createOutgoing, type Resolve } from './outgoing.ts';
import { isNetwork, isPublicAddress, isWithin } from './public-address.ts';

const outgoing = createOutgoing({ allowPrivate: false });
const refused = (url: string) => {
  try {
    return outgoing.check(url).href;
  } catch (error) {
    return (error as { reason: string }).reason;
  }
};

/** A server on 127.0.0.1 that counts what it is asked. */
async function startServer(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const seen: { path: string; method: string; headers: IncomingMessage['headers']; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push({ path: request.url ?? '', method: request.method ?? '', headers: request.headers, body });
      answer(request, response);
    });
  });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    seen,
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
const to =
  (table: Readonly<Record<string, string>>): Resolve =>
  async (host) => [{ address: table[host] ?? '', family: 4 }];

describe('a public address', () => {
  const octet = fc.nat(255);
  const v4 = fc.tuple(octet, octet, octet, octet);
  const inside = (...first: number[]) =>
    v4.map((bytes) => bytes.map((byte, at) => first[at] ?? byte) as [number, number, number, number]);
  const hidden = fc.oneof(
    inside(0),
    inside(10),
    inside(127),
    inside(169, 254),
    inside(192, 168),
    inside(192, 0, 0),
    inside(198, 18),
    fc.tuple(inside(172), fc.integer({ min: 16, max: 31 })).map(([b, second]) => [172, second, b[2], b[3]] as const),
    fc.tuple(inside(100), fc.integer({ min: 64, max: 127 })).map(([b, second]) => [100, second, b[2], b[3]] as const),
    fc.tuple(v4, fc.integer({ min: 224, max: 255 })).map(([b, first]) => [first, b[1], b[2], b[3]] as const),
    fc.constant([168, 63, 129, 16] as const),
  );
  const hex = (bytes: readonly number[]) => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const words = (bytes: readonly number[]) => `${hex(bytes.slice(0, 2))}:${hex(bytes.slice(2))}`;
  const number = (bytes: readonly number[]) => Number.parseInt(hex(bytes), 16);

  it('is none that is private, in whatever form it is written', () => {
    const forms: readonly ((bytes: readonly number[]) => string)[] = [
      (bytes) => bytes.join('.'),
      (bytes) => String(number(bytes)),
      (bytes) => `0x${hex(bytes)}`,
      (bytes) => bytes.map((byte) => `0${byte.toString(8)}`).join('.'),
      (bytes) => bytes.map((byte) => `0x${byte.toString(16)}`).join('.'),
      (bytes) => `${bytes[0]}.${number([0, ...bytes.slice(1)])}`,
      (bytes) => `[::ffff:${bytes.join('.')}]`,
      (bytes) => `[::ffff:${words(bytes)}]`,
      (bytes) => `[0:0:0:0:0:FFFF:${words(bytes)}]`,
      (bytes) => `[::${words(bytes)}]`,
      (bytes) => `[64:ff9b::${words(bytes)}]`,
      (bytes) => `[64:ff9b:1::${words(bytes)}]`,
      (bytes) => `[2002:${words(bytes)}::1]`,
      (bytes) => bytes.join('.').replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
    ];
    fc.assert(
      fc.property(hidden, fc.constantFrom(...forms), fc.constantFrom('http', 'https'), (bytes, form, scheme) => {
        assert.equal(refused(`${scheme}://${form(bytes)}:8080/x`), 'policy_denied');
      }),
      cases(2_000),
    );
  });

  it('is none of the special ones of IPv6', () => {
    const special = fc
      .tuple(
        fc.constantFrom('fe80', 'fec0', 'fc00', 'fd12', 'ff02', '0', '100', '2002', '3fff', '5f00', '4000', 'e000'),
        fc.array(fc.nat(0xffff), { minLength: 7, maxLength: 7 }),
      )
      .filter(([first, [second]]) => first !== '3fff' || (second ?? 0) < 0x1000)
      .map(([first, rest]) => `${first}:${rest.map((word) => word.toString(16)).join(':')}`);
    fc.assert(
      fc.property(
        special,
        (address) => !isPublicAddress(address) && refused(`http://[${address}]/`) === 'policy_denied',
      ),
      cases(),
    );
    for (const address of [
      '::',
      '::1',
      '2001:db8::1',
      '2001::1',
      'fd00:ec2::254',
      'fe80::1%eth0',
      'localhost',
      '',
      'x',
    ])
      assert.equal(isPublicAddress(address), false, address);
  });

  it('is every other one', () => {
    for (const address of [
      '8.8.8.8',
      '93.184.216.34',
      '172.32.0.1',
      '100.128.0.1',
      '2606:4700::1',
      '::ffff:8.8.8.8',
      '64:ff9b::808:808',
    ])
      assert.equal(isPublicAddress(address), true, address);
    fc.assert(
      fc.property(fc.integer({ min: 11, max: 99 }), octet, octet, octet, (...bytes) =>
        isPublicAddress(bytes.join('.')),
      ),
      cases(),
    );
  });

  it('may be one of a network that is allowed, by either name', () => {
    assert.equal(isWithin('10.1.2.3', ['10.0.0.0/8']), true);
    assert.equal(isWithin('::ffff:10.1.2.3', ['10.0.0.0/8']), true);
    assert.equal(isWithin('11.1.2.3', ['10.0.0.0/8', 'fd00::/8', '127.0.0.1']), false);
    assert.equal(isWithin('127.0.0.1', ['127.0.0.1']), true);
    assert.deepEqual(['10.0.0.0/8', '::1', 'x', '10.0.0.0/99', ''].map(isNetwork), [true, true, false, false, false]);
  });
});

describe('a request to an address that a user named', () => {
  it('is refused for what is no plain address of the web', () => {
    for (const url of [
      '',
      'x',
      '/x',
      'ftp://example.com',
      'file:///etc/passwd',
      'gopher://example.com',
      'javascript:0',
      'http://a:b@example.com',
      'http://a@example.com',
      'http://example.com:0/',
    ])
      assert.equal(refused(url), 'invalid_request', url);
    assert.throws(() => outgoing.check('http://example.com:22', [80, 443]), { reason: 'invalid_request' });
    assert.equal(refused('https://example.com:8443/a?b#c'), 'https://example.com:8443/a?b#c');
  });

  it('goes nowhere where the host resolves to a private address, alone or among others', async () => {
    await using server = await startServer((_, response) => response.end('secret'));
    for (const addresses of [
      ['127.0.0.1'],
      ['93.184.216.34', '127.0.0.1'],
      ['::ffff:127.0.0.1'],
      ['169.254.169.254'],
      [''],
    ]) {
      await using guarded = createOutgoing({
        allowPrivate: false,
        resolve: async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      });
      await assert.rejects(guarded.fetch(`http://inside.example:${server.port}/`), { reason: 'policy_denied' });
    }
    await using real = createOutgoing({ allowPrivate: false });
    for (const host of ['localhost', '127.0.0.1', '[::1]', '0.0.0.0', '0'])
      await assert.rejects(real.fetch(`http://${host}:${server.port}/`), { reason: 'policy_denied' }, host);
    // Some systems know this name and some do not.
    await assert.rejects(real.fetch(`http://localhost.:${server.port}/`));
    assert.equal(server.seen.length, 0);
  });

  it('resolves once a connection and goes only there: a name that changes its meaning gains nothing', async () => {
    await using server = await startServer((_, response) => response.end('secret'));
    const answers = ['192.88.99.7', '127.0.0.1', '127.0.0.1'];
    let asked = 0;
    // The first address passes and leads nowhere.
    await using guarded = createOutgoing({
      allowPrivate: ['192.88.99.0/24'],
      resolve: async () => [{ address: answers[asked++] ?? '127.0.0.1', family: 4 }],
    });
    const url = `http://rebound.example:${server.port}/`;
    await assert.rejects(guarded.fetch(url, { timeoutMs: 300 }), (error: { reason: string }) =>
      ['timeout', 'upstream_error'].includes(error.reason),
    );
    assert.equal(asked, 1);
    await assert.rejects(guarded.fetch(url, { timeoutMs: 300 }), { reason: 'policy_denied' });
    assert.equal(server.seen.length, 0);
  });

  it('asks the host by its name at the address that was looked at', async () => {
    await using server = await startServer((_, response) => response.end('hello'));
    await using guarded = createOutgoing({
      allowPrivate: ['127.0.0.1'],
      resolve: to({ 'hooks.example': '127.0.0.1' }),
    });
    const url = `http://hooks.example:${server.port}/in?x=1#part`;
    const answer = await guarded.fetch(url, {
      method: 'POST',
      body: '{"a":1}',
      headers: { Host: 'evil', 'X-Own': 'yes' },
    });
    assert.deepEqual([answer.status, answer.body.toString()], [200, 'hello']);
    const [seen] = server.seen;
    assert.deepEqual(
      [seen?.method, seen?.path, seen?.body, seen?.headers['x-own']],
      ['POST', '/in?x=1', '{"a":1}', 'yes'],
    );
    assert.equal(seen?.headers.host, `hooks.example:${server.port}`);
  });

  it('looks at each redirect anew', async () => {
    await using server = await startServer((request, response) => {
      const target = new URL(request.url!, 'http://x').searchParams.get('to');
      if (target === null) return void response.end('there');
      response.writeHead(302, { location: target }).end();
    });
    await using guarded = createOutgoing({
      allowPrivate: ['127.0.0.1'],
      resolve: to({ 'a.example': '127.0.0.1', 'b.example': '127.0.0.1', 'inside.example': '127.0.0.2' }),
    });
    const via = (target: string) => guarded.fetch(`http://a.example:${server.port}/?to=${encodeURIComponent(target)}`);
    assert.equal((await via('/there')).body.toString(), 'there');
    for (const target of [
      `http://127.0.0.2:${server.port}/`,
      `http://inside.example:${server.port}/`,
      `//[::1]:${server.port}/`,
    ])
      await assert.rejects(via(target), { reason: 'policy_denied' }, target);
    for (const target of ['file:///etc/passwd', 'http://u:p@a.example/'])
      await assert.rejects(via(target), { reason: 'invalid_request' }, target);
    assert.deepEqual(server.seen.filter(({ path }) => path === '/').length, 0);
  });

  it('follows five redirects and no more, none where the caller will not, and takes no secrets to another origin', async () => {
    await using server = await startServer((request, response) => {
      const left = Number(request.url!.slice(1));
      if (left === 0) return void response.end('done');
      const host = left === 1 ? 'b.example' : 'a.example';
      response.writeHead(left === 1 ? 307 : 303, { location: `http://${host}:${server.port}/${left - 1}` }).end();
    });
    await using guarded = createOutgoing({
      allowPrivate: true,
      resolve: to({ 'a.example': '127.0.0.1', 'b.example': '127.0.0.1' }),
    });
    const ask = (left: number, maxRedirects?: number) =>
      guarded.fetch(`http://a.example:${server.port}/${left}`, {
        method: 'POST',
        body: 'x',
        headers: { authorization: 'Bearer secret', accept: 'text/plain', 'x-api-key': 'secret' },
        ...(maxRedirects !== undefined && { maxRedirects }),
      });
    assert.equal((await ask(5)).url, `http://b.example:${server.port}/0`);
    const last = server.seen.at(-1)!;
    assert.deepEqual(
      [last.method, last.body, last.headers.authorization, last.headers['x-api-key'], last.headers.accept],
      ['GET', '', undefined, undefined, 'text/plain'],
    );
    assert.equal(server.seen[1]!.headers.authorization, 'Bearer secret');
    await assert.rejects(ask(6), { reason: 'upstream_error', message: /more than 5 times/ });
    assert.equal((await ask(3, 0)).status, 303);
  });

  it('is answered with the head before the body has come, and bounds that while it is read', async () => {
    const held = Promise.withResolvers<void>();
    await using server = await startServer((request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('first');
      if (request.url === '/held') void held.promise.then(() => response.end('last'));
      else response.end(Buffer.alloc(5_000));
    });
    await using guarded = createOutgoing({ allowPrivate: true });
    const at = (path: string) => `http://127.0.0.1:${server.port}${path}`;
    const { status, headers, body } = await guarded.open(at('/held'));
    assert.deepEqual([status, headers['content-type']], [200, 'text/event-stream']);
    const parts = body[Symbol.asyncIterator]();
    assert.equal((await parts.next()).value?.toString(), 'first');
    held.resolve();
    assert.equal((await parts.next()).value?.toString(), 'last');
    const large = await guarded.open(at('/large'), { maxBytes: 4_000 });
    await assert.rejects(Array.fromAsync(large.body), { reason: 'upstream_error', message: /more than 4000 bytes/ });
    await using strict = createOutgoing({ allowPrivate: false });
    await assert.rejects(strict.open(at('/held')), { reason: 'policy_denied' });
  });

  it('waits for a connection to its origin where ten are held, unless more are allowed', async () => {
    const held = Promise.withResolvers<void>();
    await using server = await startServer((_, response) => void held.promise.then(() => response.end('done')));
    await using few = createOutgoing({ allowPrivate: true });
    await using many = createOutgoing({ allowPrivate: true, connections: 20 });
    const ask = (through: typeof few, path: string) =>
      Array.from({ length: 12 }, () => through.fetch(`http://127.0.0.1:${server.port}/${path}`));
    const asked = [...ask(few, 'few'), ...ask(many, 'many')];
    const arrived = (path: string) => server.seen.filter((request) => request.path === `/${path}`).length;
    const until = Date.now() + 5_000;
    while (Date.now() < until && (arrived('many') < 12 || arrived('few') < 10))
      await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual([arrived('few'), arrived('many')], [10, 12]);
    held.resolve();
    assert.ok((await Promise.all(asked)).every(({ status }) => status === 200));
  });

  it('bounds the answer in bytes and in time, and stops with its caller', async () => {
    await using server = await startServer((request, response) => {
      if (request.url === '/large') return void response.end(Buffer.alloc(5_000));
      response.writeHead(200);
      const timer = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(timer));
    });
    await using guarded = createOutgoing({ allowPrivate: true });
    const at = (path: string) => `http://127.0.0.1:${server.port}${path}`;
    await assert.rejects(guarded.fetch(at('/large'), { maxBytes: 4_999 }), { reason: 'upstream_error' });
    const whole = await guarded.fetch(at('/large'), { maxBytes: 5_000, cut: true });
    assert.deepEqual([whole.body.length, whole.truncated], [5_000, false]);
    const beginning = await guarded.fetch(at('/large'), { maxBytes: 4_999, cut: true });
    assert.deepEqual([beginning.body.length, beginning.truncated], [4_999, true]);
    // A body without end is left, not read on.
    assert.equal((await guarded.fetch(at('/drip'), { maxBytes: 2, cut: true })).body.toString(), '..');
    const startedAt = performance.now();
    await assert.rejects(guarded.fetch(at('/drip'), { timeoutMs: 150 }), { reason: 'timeout' });
    assert.ok(performance.now() - startedAt < 5_000);
    const leaving = new AbortController();
    setTimeout(() => leaving.abort(), 50);
    await assert.rejects(guarded.fetch(at('/drip'), { signal: leaving.signal }), { reason: 'cancelled' });
    await assert.rejects(guarded.fetch('http://127.0.0.1:1/'), { reason: 'upstream_error', message: /ECONNREFUSED/ });
  });
});
