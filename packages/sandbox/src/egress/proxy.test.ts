// runs in: its own process
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import {
  createServer as createPlain,
  request,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer } from 'node:https';
import { connect, createServer as createTcp, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, beforeEach, describe, it, type TestContext } from 'node:test';
import * as tls from 'node:tls';
import { ReeveError } from '@reeve/kit';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { readHello } from './client-hello.ts';
import { openEgressProxy, type EgressProxy } from './proxy.ts';
import { destinationOf, isOpen, type Egress, type EgressConnection } from './egress.ts';
import { dockerHost, dockerSettings, noDocker } from '../../test/docker-conformance.ts';
import { SYSTEM_DRIVERS, type SystemDriver } from '../../test/hostile-conformance.ts';
import { openTestSandbox } from '../../test/remote-conformance.ts';
import type { Language } from '../sandbox.ts';
import { workspacePath } from '../files/workspace.ts';

const KEY = 'sk-the-real-key';

describe('hosts that are open', () => {
  it('are named, with a star for what is below, on the port of TLS or another', () => {
    const open = (pattern: string, authority: string, port = 443) => {
      const destination = destinationOf(authority, port);
      return destination !== undefined && isOpen([pattern], destination);
    };
    assert.ok(open('api.example.com', 'API.example.com.'));
    assert.ok(open('*.example.com', 'a.b.example.com'));
    assert.ok(open('example.com:8080', 'example.com:8080'));
    for (const [pattern, authority] of [
      ['*.example.com', 'example.com'],
      ['*.example.com', 'badexample.com'],
      ['example.com', 'sub.example.com'],
      ['example.com', 'example.com:80'],
      ['example.com:80', 'example.com'],
      ['example.com', 'example.com.evil.test'],
    ] as const)
      assert.ok(!open(pattern, authority), `${pattern} ${authority}`);
  });

  it('are never an address, or a name in disguise', () => {
    for (const authority of [
      ...['127.0.0.1', '2130706433', '0x7f.1', '127.1', '[::1]', '::1', '1.2.3.4.', 'x.0x10', '169.254.169.254'],
      ...[
        'allowed.test\0.evil.test',
        'evil@allowed.test',
        'allowed.test:0',
        'allowed.test:99999',
        'allowed.test:443:1',
      ],
      ...['', '.', 'a..b', '-a.test', 'a_b.test', 'аllowed.test', 'allowed.test/x', ' allowed.test', 'a\r\nb.test'],
    ])
      assert.equal(destinationOf(authority, 443), undefined, JSON.stringify(authority));
  });
});

describe('the first message of TLS', () => {
  it('is read in any number of parts, and anything else is never taken for it', async () => {
    const hello = await helloOf('secret.example');
    assert.deepEqual(readHello(hello), { kind: 'tls', serverName: 'secret.example' });
    for (let length = 0; length < hello.length; length += 1)
      assert.equal(readHello(hello.subarray(0, length)).kind, 'partial', String(length));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(hello.length - 1), (noise, at) => {
        readHello(Buffer.from(noise));
        readHello(Buffer.concat([hello.subarray(0, at), noise, hello.subarray(at)]));
      }),
      cases(2_000),
    );
    // One byte in each record, for as long as anybody lets it.
    const crumbs = Buffer.concat(Array.from({ length: 10_000 }, () => Buffer.from([22, 3, 1, 0, 1, 1])));
    const before = process.threadCpuUsage();
    assert.deepEqual(readHello(crumbs), { kind: 'other' });
    assert.ok(process.threadCpuUsage(before).user < 100_000);
  });
});

describe('the way out', { timeout: 120_000 }, () => {
  let ca: string;
  let directory: string;
  let secure: Server;
  let plain: Server;
  let workspace: string;
  let seen: string[];
  let recorded: EgressConnection[];
  let egress: { -readonly [Key in keyof Egress]: Egress[Key] };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'reeve-egress-test-'));
    makeCertificates(directory);
    ca = await readFile(join(directory, 'ca.pem'), 'utf8');
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), ca]);
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      seen.push(`${request.method} ${request.headers.host}${request.url} ${request.headers.authorization ?? '-'}`);
      if (request.url === '/away') return void response.writeHead(302, { location: 'http://denied.test/' }).end();
      void text(request).then((body) => response.end(`answer to ${request.headers.host} ${body.length}`));
    };
    const [key, cert] = [await readFile(join(directory, 'key.pem')), await readFile(join(directory, 'cert.pem'))];
    secure = createServer({ key, cert }, answer).listen(0, '127.0.0.1');
    plain = createPlain(answer).listen(0, '127.0.0.1');
    await Promise.all([once(secure, 'listening'), once(plain, 'listening')]);
  });
  after(async () => {
    secure.close();
    plain.close();
    await rm(directory, { recursive: true, force: true });
  });
  beforeEach(async () => {
    seen = [];
    recorded = [];
    workspace = await workspacePath(join(directory, 'w'), 'acme', 's1');
    egress = {
      hosts: async () => ['allowed.test', '*.allowed.test', 'plain.test:80', 'private.test'],
      headersFor: (host) => (host === 'allowed.test' ? { authorization: `Bearer ${KEY}` } : undefined),
      async connect(host, port) {
        if (host === 'private.test')
          throw new ReeveError('policy_denied', 'private.test is not on the public Internet');
        const { port: at } = (port === 443 ? secure : plain).address() as AddressInfo;
        const socket = connect(at, '127.0.0.1');
        await once(socket, 'connect');
        return socket;
      },
      record: async (connection) => void recorded.push(connection),
    };
  });

  async function through(work: (proxy: EgressProxy) => Promise<void>): Promise<void> {
    await using proxy = await openEgressProxy(egress);
    await work(proxy);
  }
  async function plainly(socketPath: string, url: string, headers = {}): Promise<string> {
    const asked = request({ socketPath, path: url, headers: { host: new URL(url).host, ...headers } });
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    return `${response.statusCode} ${(await text(response)).trim()}`;
  }
  /** What comes back through a tunnel in which TLS is begun for a name. */
  async function tunneled(socketPath: string, authority: string, servername: string): Promise<string> {
    const socket = connect(socketPath);
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
    const [head] = (await once(socket, 'data')) as [Buffer];
    if (!head.toString().startsWith('HTTP/1.1 200')) return head.toString().split('\r\n')[0]!;
    const inner = tls.connect({ socket, servername, checkServerIdentity: () => undefined });
    try {
      await once(inner, 'secureConnect');
      inner.write(`GET /t HTTP/1.1\r\nHost: ${servername}\r\nConnection: close\r\n\r\n`);
      return (await text(inner)).split('\r\n').at(-1)!;
    } catch (error) {
      return (error as Error).message;
    } finally {
      socket.destroy();
    }
  }

  it('leads to open hosts, and tells of every connection before it is there', () =>
    through(async ({ socket }) => {
      assert.equal(await tunneled(socket, 'allowed.test:443', 'allowed.test'), 'answer to allowed.test 0');
      assert.equal(await tunneled(socket, 'denied.test:443', 'denied.test'), 'HTTP/1.1 403 Refused');
      assert.equal(await tunneled(socket, '127.0.0.1:443', 'allowed.test'), 'HTTP/1.1 403 Refused');
      assert.equal(await tunneled(socket, 'private.test:443', 'private.test'), 'HTTP/1.1 403 Refused');
      assert.equal(await plainly(socket, 'http://plain.test/x'), '200 answer to plain.test 0');
      assert.match(await plainly(socket, 'http://denied.test/'), /^403 denied\.test is not open to this program/);
      assert.deepEqual(recorded, [
        { host: 'allowed.test', port: 443, kind: 'tunnel' },
        { host: 'denied.test', port: 443, kind: 'tunnel', refused: 'is not open to this program' },
        { host: '127.0.0.1:443', port: 0, kind: 'tunnel', refused: 'is no name of a host' },
        { host: 'private.test', port: 443, kind: 'tunnel' },
        { host: 'plain.test', port: 80, kind: 'request' },
        { host: 'denied.test', port: 443, kind: 'request', refused: 'is not open to this program' },
      ]);
    }));

  it('refuses a tunnel in which another host is asked for, or none', () =>
    through(async ({ socket }) => {
      assert.match(await tunneled(socket, 'allowed.test:443', 'denied.test'), /disconnected|hang up|reset|closed/);
      assert.deepEqual(seen, []);
      assert.equal(recorded.at(-1)!.refused, 'is not what was asked for in the tunnel');
      const bare = connect(socket);
      bare.write('CONNECT allowed.test:443 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: denied.test\r\n\r\n');
      assert.doesNotMatch(await text(bare), /answer/);
    }));

  it('adds what is kept for a host over TLS only, in place of what the program says', () =>
    through(async ({ socket }) => {
      const own = { authorization: 'Bearer of-the-program', 'proxy-authorization': 'x' };
      assert.equal(await plainly(socket, 'http://allowed.test/a?b', own), '200 answer to allowed.test 0');
      assert.equal(await plainly(socket, 'http://sub.allowed.test/a', own), '200 answer to sub.allowed.test 0');
      assert.equal(await plainly(socket, 'http://plain.test/a'), '200 answer to plain.test 0');
      assert.deepEqual(seen, [
        `GET allowed.test/a?b Bearer ${KEY}`,
        'GET sub.allowed.test/a Bearer of-the-program',
        'GET plain.test/a -',
      ]);
    }));

  it('passes on one request for one, whatever it says of its length', () =>
    through(async ({ socket }) => {
      for (const length of ['transfer-encoding: chunked', 'connection: content-length\r\ncontent-length: 47']) {
        const client = connect(socket);
        const hidden = 'GET /hidden HTTP/1.1\r\nhost: denied.test\r\nx: y\r\n';
        const body = length.startsWith('transfer') ? `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n` : hidden;
        client.write(`GET http://plain.test/one HTTP/1.1\r\nhost: plain.test\r\n${length}\r\n\r\n${body}`);
        await once(client, 'data');
        client.destroy();
      }
      assert.deepEqual(seen, ['GET plain.test/one -', 'GET plain.test/one -']);
    }));

  it('gives no key back by TRACE, and survives an answer that there cannot be', () =>
    through(async ({ socket }) => {
      const asked = request({ socketPath: socket, method: 'TRACE', path: 'http://allowed.test/' });
      asked.end();
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      assert.equal(response.statusCode, 403);
      const odd = createTcp((client) => client.end('HTTP/1.1 001 x\r\n\r\n')).listen(0, '127.0.0.1');
      await once(odd, 'listening');
      const connectToIt = egress.connect;
      egress.connect = async () => {
        const to = connect((odd.address() as AddressInfo).port, '127.0.0.1');
        await once(to, 'connect');
        return to;
      };
      assert.match(await plainly(socket, 'http://plain.test/'), /^502/);
      egress.connect = connectToIt;
      odd.close();
    }));

  it('holds no more than 64 connections, and none beyond its call', async () => {
    const reached: Socket[] = [];
    const silent = createTcp((client) => void reached.push(client)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    egress.connect = async () => {
      const to = connect((silent.address() as AddressInfo).port, '127.0.0.1');
      await once(to, 'connect');
      return to;
    };
    const proxy = await openEgressProxy(egress);
    const client = connect(proxy.socket);
    client.on('error', () => undefined);
    client.write('GET http://plain.test/ HTTP/1.1\r\nhost: plain.test\r\n\r\n'.repeat(200));
    client.write('CONNECT allowed.test:443 HTTP/1.1\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    assert.ok(reached.length > 0 && reached.length <= 64, String(reached.length));
    await proxy[Symbol.asyncDispose]();
    for (const socket of reached) if (!socket.closed) await once(socket.resume(), 'close');
    silent.close();
  });

  it('follows no redirect by itself', () =>
    through(async ({ socket }) => {
      assert.match(await plainly(socket, 'http://allowed.test/away'), /^302/);
      assert.equal(seen.length, 1);
    }));

  it('is closed where a connection cannot be told of', async () => {
    egress = { ...egress, record: () => Promise.reject(new Error('the disk is full')) };
    await through(async ({ socket }) => {
      assert.equal(await tunneled(socket, 'allowed.test:443', 'allowed.test'), 'HTTP/1.1 502 Refused');
      assert.match(await plainly(socket, 'http://allowed.test/'), /^502 the connection failed/);
    });
    assert.deepEqual(seen, []);
  });

  it('is gone with its call, with all connections', async () => {
    const proxy = await openEgressProxy(egress);
    const held = connect(proxy.socket);
    held.on('error', () => undefined).write('CONNECT allowed.test:443 HTTP/1.1\r\n\r\n');
    await once(held, 'data');
    await proxy[Symbol.asyncDispose]();
    if (!held.closed) await once(held, 'close');
    await assert.rejects(readdir(join(proxy.socket, '..')), { code: 'ENOENT' });
  });

  for (const driver of SYSTEM_DRIVERS)
    describe(`in ${driver}`, { skip: driver === 'docker' && noDocker }, () => programsReach(driver));

  function programsReach(driver: SystemDriver): void {
    let sandbox: Awaited<ReturnType<typeof openTestSandbox>>;
    before(async () => {
      const settings = driver === 'docker' ? await dockerSettings(dockerHost!) : { sandboxBackend: driver };
      sandbox = await openTestSandbox(settings, (host, port) => egress.connect(host, port));
    });
    after(() => sandbox[Symbol.asyncDispose]());
    const needs = (test: TestContext, ...languages: readonly Language[]) => {
      const why = languages.map((language) => sandbox.unavailable(language)).find((missing) => missing !== undefined);
      if (why !== undefined) test.skip(why);
      return why === undefined;
    };
    const exec = (language: 'bash' | 'python' | 'node', code: string, isOpen = true) =>
      sandbox.exec(
        { language, code, workspace, timeoutMs: 20_000, maxOutputBytes: 50_000, ...(isOpen && { egress }) },
        AbortSignal.timeout(60_000),
      );

    it('is found by Python and Node as a proxy, and by nothing that passes it by', async (test) => {
      if (!needs(test, 'python', 'node')) return;
      const python = await exec(
        'python',
        `import urllib.request as u, socket
print(u.urlopen('http://allowed.test/py').read().decode())
for what in ['http://denied.test/', 'http://169.254.169.254/latest/meta-data/']:
    try: print(u.urlopen(what).read())
    except Exception as e: print(type(e).__name__, e)
for address in [('1.1.1.1', 443), ('169.254.169.254', 80)]:
    try: socket.create_connection(address, 2); print('connected')
    except OSError as e: print('no', e.errno)
try: print(socket.gethostbyname('allowed.test'))
except OSError as e: print('no name')`,
      );
      assert.deepEqual(
        python.stdout.trim().split('\n'),
        [
          'answer to allowed.test 0',
          'HTTPError HTTP Error 403: Refused'.replace('Refused', 'Forbidden'),
          'HTTPError HTTP Error 403: Forbidden',
          'no 101',
          'no 101',
          'no name',
        ],
        python.stderr,
      );
      const node = await exec(
        'node',
        `const answers = [];
for (const url of ['http://allowed.test/node', 'http://denied.test/']) answers.push(await fetch(url, { method: 'POST', body: 'abc' }).then(async (r) => r.status + ' ' + (await r.text()).trim(), (e) => String(e.cause ?? e)));
console.log(answers.join('\\n'));`,
      );
      assert.match(node.stdout, /^200 answer to allowed\.test 3\n403 denied\.test is not open/, node.stderr);
      assert.deepEqual(
        seen.map((line) => line.split(' ').slice(0, 2).join(' ')),
        ['GET allowed.test/py', 'POST allowed.test/node'],
      );
    });

    it('shows a program no credential, and leaves exit codes, input and limits as they are', async (test) => {
      if (!needs(test, 'bash', 'node')) return;
      const searched = await exec(
        'bash',
        'env; ls -la /run /tmp /workspace; cat /proc/*/environ /proc/*/cmdline | tr "\\0" "\\n"; exit 7',
      );
      assert.deepEqual([searched.status, searched.exitCode], ['error', 7]);
      assert.doesNotMatch(searched.stdout + searched.stderr, new RegExp(KEY));
      assert.match(searched.stdout, /^https_proxy=http:\/\/127\.0\.0\.1:3128$/m);
      const killed = await exec('bash', 'kill -9 $PPID; sleep 30; echo still here');
      assert.equal(killed.status, 'error');
      assert.ok(killed.durationMs < 5_000);
      const read = await sandbox.exec(
        { language: 'bash', code: 'cat', stdin: 'given', workspace, timeoutMs: 10_000, maxOutputBytes: 100, egress },
        AbortSignal.timeout(60_000),
      );
      assert.equal(read.stdout, 'given');
      const without = await exec('bash', 'env | grep -ci proxy; ls /run', false);
      assert.match(without.stdout, /^0\n(command|program)\n$/);
    });

    // Only root has what others may not enter.
    if (process.getuid?.() === 0 && driver === 'bubblewrap')
      it('is there where only root may enter the directory of temporary files', async () => {
        const usual = process.env['TMPDIR'];
        process.env['TMPDIR'] = await mkdtemp(join(directory, 'root-only-'));
        try {
          const asked = await exec('node', `console.log(await (await fetch('http://plain.test/')).text())`);
          assert.equal(asked.stdout, 'answer to plain.test 0\n', asked.stderr);
        } finally {
          if (usual === undefined) delete process.env['TMPDIR'];
          else process.env['TMPDIR'] = usual;
        }
      });
  }
});

/** The first message of a client of TLS. */
async function helloOf(servername: string): Promise<Buffer> {
  const server = createPlain().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const first = Promise.withResolvers<Buffer>();
  server.removeAllListeners('connection');
  server.on('connection', (socket) => socket.on('data', (bytes: Buffer) => first.resolve(bytes)).resume());
  const client = tls.connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', servername });
  client.on('error', () => undefined);
  const bytes = await first.promise;
  client.destroy();
  server.close();
  return bytes;
}

function makeCertificates(directory: string): void {
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  const names = ['allowed.test', '*.allowed.test', 'denied.test'].map((name) => `DNS:${name}`).join(',');
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...fresh, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test', '-days', '2');
  openssl(
    'req',
    ...fresh,
    '-keyout',
    'key.pem',
    '-out',
    'csr.pem',
    '-subj',
    '/CN=allowed.test',
    '-addext',
    `subjectAltName=${names}`,
  );
  openssl(
    'x509',
    '-req',
    '-in',
    'csr.pem',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-out',
    'cert.pem',
    '-days',
    '2',
    '-copy_extensions',
    'copy',
  );
}
