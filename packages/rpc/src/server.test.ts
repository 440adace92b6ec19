import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { Sandbox } from '@reeve/contract/proto/reeve/v1/sandbox';
import type { Principal } from '@reeve/http';
import { createLog, currentContext, ReeveError, silentLog, withContext } from '@reeve/kit';
import { createGrpcClient, protoFiles } from '@reeve/testing/grpc-client';
import { callerOf, type AuthenticateCall } from './caller.ts';
import { makeCertificates } from './certificates.ts';
import { openChannel, openLocalChannel } from './channel.ts';
import { fromConnectError } from './failure.ts';
import { startRpcServer, type RpcServerOptions, type RpcService } from './server.ts';
import { readTls, type Tls } from './tls.ts';

const SERVICE = 'reeve.v1.Sandbox';
const somebody: Principal = { tenantId: 'acme', userId: 'ada', role: 'member', via: 'api_key' };
const seen: { aborted: string[]; contexts: unknown[] } = { aborted: [], contexts: [] };

/** A service that does what its arguments say. */
const service: RpcService = {
  service: Sandbox,
  routes: (router) =>
    router.service(Sandbox, {
      listTools: () => {
        throw new TypeError('the password is hunter2');
      },
      async executeTool({ toolName, argsJson }, call) {
        const { principal, context } = callerOf(call);
        seen.contexts.push({ ...currentContext() });
        if (toolName === 'wait')
          await new Promise((_, reject) =>
            call.signal.addEventListener('abort', () => {
              seen.aborted.push(String(call.signal.reason));
              reject(new Error('stopped'));
            }),
          );
        if (toolName === 'refuse')
          throw new ReeveError('rate_limited', 'not so fast', {
            retryAfterMs: 1_500,
            details: [{ path: 'tool_name', message: 'was here already' }],
          });
        return { status: `${principal.tenantId} ${context.requestId}`, stdout: argsJson };
      },
      async *executeStream(_, call) {
        yield { event: { case: 'stdout', value: String(currentContext()?.requestId) } };
        await new Promise<void>((resolve) => call.signal.addEventListener('abort', () => resolve()));
        seen.aborted.push('stream');
      },
    }),
};

const authenticate: AuthenticateCall = async (header) => {
  if (header('authorization') === 'Bearer right') return somebody;
  throw new ReeveError('unauthenticated', 'who is that');
};
const right = { authorization: 'Bearer right' };

function start(options: Partial<RpcServerOptions> = {}) {
  const defaults = { host: '127.0.0.1', port: 0, tls: undefined, services: [service], authenticate, log: silentLog };
  return startRpcServer({ ...defaults, ...options });
}

const at = (url: string) => new URL(url).host;

describe('a server for services', { timeout: 120_000 }, () => {
  let server: Awaited<ReturnType<typeof start>>;
  before(async () => void (server = await start()));
  after(() => server[Symbol.asyncDispose]());

  it('tells callers what it serves and what that looks like, in both versions of reflection', async () => {
    for (const version of ['v1', 'v1alpha']) {
      using client = createGrpcClient(`grpc.reflection.${version}.ServerReflection`, at(server.url));
      const [listed, file, unknown, extension, numbers] = await client.talk('ServerReflectionInfo', [
        { list_services: '' },
        { file_containing_symbol: `${SERVICE}.ExecuteTool` },
        { file_by_filename: 'nothing.proto' },
        { file_containing_extension: { containing_type: 'reeve.v1.Tool', extension_number: 7 } },
        { all_extension_numbers_of_type: 'reeve.v1.Tool' },
      ]);
      const names = (listed!['list_services_response'] as { service: { name: string }[] }).service;
      assert.deepEqual(
        names.map(({ name }) => name),
        [
          'grpc.health.v1.Health',
          'grpc.reflection.v1.ServerReflection',
          'grpc.reflection.v1alpha.ServerReflection',
          SERVICE,
        ],
      );
      const [bytes] = (file!['file_descriptor_response'] as { file_descriptor_proto: Buffer[] }).file_descriptor_proto;
      const described = fromBinary(FileDescriptorProtoSchema, bytes!);
      assert.deepEqual(
        [described.name, described.service[0]?.method.map(({ name }) => name)],
        ['reeve/v1/sandbox.proto', ['ListTools', 'ExecuteTool', 'ExecuteStream']],
      );
      assert.equal((unknown!['error_response'] as { error_code: number }).error_code, 5);
      assert.deepEqual(extension!['original_request'], {
        file_containing_extension: { containing_type: 'reeve.v1.Tool', extension_number: 7 },
        message_request: 'file_containing_extension',
      });
      assert.deepEqual(numbers!['all_extension_numbers_response'], {
        base_type_name: 'reeve.v1.Tool',
      });
    }
  });

  it('has generated code that says what the .proto files say', () => {
    for (const message of Sandbox.file.messages) {
      const read = protoFiles[message.typeName] as unknown as { type: { field: { name: string; number: number }[] } };
      assert.deepEqual(
        message.fields.map(({ name, number }) => `${number} ${name}`),
        read.type.field.map(({ name, number }) => `${number} ${name}`),
        message.typeName,
      );
    }
    const methods = protoFiles[SERVICE] as unknown as Record<string, { responseStream: boolean }>;
    assert.deepEqual(
      Sandbox.methods.map(({ name, methodKind }) => [name, methodKind === 'server_streaming']),
      Object.entries(methods).map(([name, { responseStream }]) => [name, responseStream]),
    );
  });

  it('answers gRPC’s health checks without a credential', async () => {
    using health = createGrpcClient('grpc.health.v1.Health', at(server.url));
    for (const name of ['', SERVICE]) {
      const checked = await health.call('Check', { service: name });
      assert.deepEqual(checked.code === 'OK' && 'response' in checked && checked.response, { status: 'SERVING' });
    }
    assert.equal((await health.call('Check', { service: 'nobody' })).code, 'NOT_FOUND');
    for await (const told of health.stream('Watch', { service: 'nobody' })) {
      assert.deepEqual(told, { status: 'SERVICE_UNKNOWN' });
      break;
    }
  });

  it('lets nobody in who is not known, before it reads what they send', async () => {
    using client = createGrpcClient(SERVICE, at(server.url));
    const called = await client.call('ExecuteTool', { args_json: 'x'.repeat(1_000_000) });
    assert.deepEqual([called.code, 'message' in called && called.message], ['UNAUTHENTICATED', 'who is that']);
    assert.equal((await client.call('ListTools', {})).code, 'UNAUTHENTICATED');
  });

  it('takes the ids of a request from its metadata, gives them back, and keeps them for what it does', async () => {
    using client = createGrpcClient(SERVICE, at(server.url));
    const ids = { 'x-request-id': 'req-7', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` };
    const called = await client.call('ExecuteTool', { args_json: '{}' }, { metadata: { ...right, ...ids } });
    assert.ok('response' in called);
    assert.equal(called.response['status'], 'acme req-7');
    assert.deepEqual([called.header['x-request-id'], called.header['x-trace-id']], ['req-7', 'a'.repeat(32)]);
    assert.deepEqual(seen.contexts.at(-1), { requestId: 'req-7', traceId: 'a'.repeat(32), tenantId: 'acme' });
    for await (const { stdout } of client.stream('ExecuteStream', {}, { metadata: { ...right, ...ids } })) {
      assert.equal(stdout, 'req-7');
      break;
    }
  });

  it('fails with the code and, as a detail, the reason, and tells nothing of what went wrong inside', async () => {
    using client = createGrpcClient(SERVICE, at(server.url));
    const ids = { 'x-request-id': 'req-8', 'x-trace-id': 'trace-8' };
    const refused = await client.call('ExecuteTool', { tool_name: 'refuse' }, { metadata: { ...right, ...ids } });
    assert.ok('details' in refused);
    assert.deepEqual([refused.code, refused.message], ['RESOURCE_EXHAUSTED', 'not so fast']);
    assert.match(refused.details.toString('latin1'), /reeve\.v1\.Failure.*rate_limited.*req-8.*trace-8/s);
    const broken = await client.call('ListTools', {}, { metadata: right });
    assert.ok('details' in broken);
    assert.equal(broken.code, 'INTERNAL');
    assert.doesNotMatch(broken.message + broken.details.toString('latin1'), /hunter2/);
  });

  it('keeps a deadline, and stops what a caller has cancelled', async () => {
    using client = createGrpcClient(SERVICE, at(server.url));
    seen.aborted.length = 0;
    const late = await client.call('ExecuteTool', { tool_name: 'wait' }, { metadata: right, timeoutMs: 300 });
    assert.equal(late.code, 'DEADLINE_EXCEEDED');
    for await (const _ of client.stream('ExecuteStream', {}, { metadata: right })) break;
    await until(() => seen.aborted.length === 2);
    // Whose clock is first ends the call: the server's, or the caller's, which says so by cancelling.
    assert.match(seen.aborted.join(), /(timed out|CANCEL \(0x8\)),stream$/);
  });

  it('speaks Connect and gRPC-Web over HTTP/1.1 and HTTP/2 on the same port', async () => {
    for (const httpVersion of ['1.1', '2'] as const)
      for (const make of [createConnectTransport, createGrpcWebTransport]) {
        const client = createClient(Sandbox, make({ baseUrl: server.url, httpVersion }));
        const answer = await client.executeTool({ argsJson: '[1]' }, { headers: { ...right, 'x-request-id': 'web' } });
        assert.deepEqual([answer.status, answer.stdout], ['acme web', '[1]']);
      }
    const response = await fetch(`${server.url}/${SERVICE}/ExecuteTool`, {
      method: 'POST',
      headers: { ...right, 'content-type': 'application/json' },
      body: '{"toolName": "refuse"}',
    });
    const body = (await response.json()) as { code: string; details: { type: string }[] };
    assert.deepEqual(
      [response.status, body.code, body.details[0]?.type],
      [429, 'resource_exhausted', 'reeve.v1.Failure'],
    );
  });

  it('knows HTTP/2 by its first bytes, however slowly they come, and outlives what is neither', async () => {
    const port = Number(new URL(server.url).port);
    await using slow = openSocket(port);
    for (const byte of Buffer.from(`GET /nothing HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`)) {
      slow.socket.write(Buffer.from([byte]));
      await pause(1);
    }
    await until(() => slow.text().startsWith('HTTP/1.1 404'));
    for (const bytes of [
      'PRI ',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense that is no frame',
      '\x16\x03\x01',
      'GET / HTTP/1.0\r\n\r\n',
    ]) {
      await using broken = openSocket(port);
      broken.socket.write(bytes);
      await pause(50);
    }
    for (const host of ['a b', '']) {
      await using nowhere = openSocket(port);
      nowhere.socket.write(`POST /${SERVICE}/ListTools HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 0\r\n\r\n`);
      await until(() => nowhere.text().startsWith('HTTP/1.1 400'));
    }
    using client = createGrpcClient(SERVICE, at(server.url));
    assert.equal((await client.call('ExecuteTool', {}, { metadata: right })).code, 'OK');
  });

  it('takes no message above its limit', async () => {
    using client = createGrpcClient(SERVICE, at(server.url));
    const called = await client.call('ExecuteTool', { args_json: 'x'.repeat(9_000_000) }, { metadata: right });
    assert.equal(called.code, 'RESOURCE_EXHAUSTED');
  });

  it('limits callers by their rate, but none of Reeve’s own roles', async () => {
    const tooMany = new ReeveError('rate_limited', 'too many');
    const refusals: string[] = [];
    let via: Principal['via'] = 'api_key';
    await using limited = await start({
      authenticate: async () => ({ ...somebody, via }),
      limit: async () => ({ headers: {}, refused: tooMany }),
      onRefused: ({ error, route }) => refusals.push(`${error.reason} ${route.path}`),
    });
    using client = createGrpcClient(SERVICE, at(limited.url));
    assert.equal((await client.call('ExecuteTool', {})).code, 'RESOURCE_EXHAUSTED');
    assert.deepEqual(refusals, [`rate_limited /${SERVICE}/ExecuteTool`]);
    via = 'certificate';
    assert.equal((await client.call('ExecuteTool', {})).code, 'OK');
  });

  it('logs each call under its ids', async () => {
    const lines: string[] = [];
    const destination = { write: (line: string) => lines.push(line) } as unknown as NodeJS.WritableStream;
    await using logging = await start({ log: createLog('test', { level: 'debug', format: 'json', destination }) });
    using client = createGrpcClient(SERVICE, at(logging.url));
    const metadata = { ...right, 'x-request-id': 'req-9', 'x-trace-id': 'trace-9' };
    await client.call('ExecuteTool', { tool_name: 'refuse' }, { metadata });
    const logged = lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .find(({ message }) => message === 'rpc');
    assert.deepEqual(
      [logged?.['request_id'], logged?.['trace_id'], logged?.['tenant_id'], logged?.['method'], logged?.['code']],
      ['req-9', 'trace-9', 'acme', `/${SERVICE}/ExecuteTool`, 'resource_exhausted'],
    );
  });

  it('stops at once where nobody calls, however many connections of HTTP/1.1 are kept', async () => {
    const idle = await start();
    await fetch(`${idle.url}/${SERVICE}/ExecuteTool`, { method: 'POST' });
    const startedAt = performance.now();
    await idle[Symbol.asyncDispose]();
    assert.ok(performance.now() - startedAt < 2_000);
  });

  it('tells watchers that it stops, lets calls end, and ends those that do not', async () => {
    const stopping = await start();
    using health = createGrpcClient('grpc.health.v1.Health', at(stopping.url));
    using client = createGrpcClient(SERVICE, at(stopping.url));
    const told: unknown[] = [];
    const watching = (async () => {
      for await (const { status } of health.stream('Watch', { service: '' })) told.push(status);
    })().catch(() => undefined);
    const waiting = client.call('ExecuteTool', { tool_name: 'wait' }, { metadata: right });
    await until(() => told.length === 1);
    await stopping[Symbol.asyncDispose]();
    await watching;
    assert.deepEqual(told, ['SERVING', 'NOT_SERVING']);
    assert.equal((await waiting).code, 'UNAVAILABLE');
  });
});

describe('a channel', { timeout: 120_000 }, () => {
  it('carries the request’s ids and the internal secret, and knows the reasons of failures', async () => {
    let asked: (string | undefined)[] = [];
    await using server = await start({
      authenticate: async (header) => {
        asked = ['x-internal-service', 'x-internal-service-secret', 'x-tenant-id', 'traceparent'].map(header);
        return somebody;
      },
    });
    await using channel = openChannel({ target: at(server.url), tls: undefined, internalSecret: 'a secret' });
    const client = createClient(Sandbox, channel.transport);
    const context = { requestId: 'req-1', traceId: 'c'.repeat(32), tenantId: 'acme' };
    const { status } = await withContext(context, () => client.executeTool({}));
    assert.equal(status, 'acme req-1');
    assert.deepEqual(asked.slice(0, 3), ['true', 'a secret', 'acme']);
    assert.match(asked[3]!, /^00-c{32}-[0-9a-f]{16}-01$/);
    const failed = fromConnectError(await client.executeTool({ toolName: 'refuse' }).catch((error: unknown) => error));
    assert.deepEqual(
      [failed.reason, failed.message, failed.retryAfterMs, failed.details, failed.unsure],
      ['rate_limited', 'not so fast', 1_500, [{ path: 'tool_name', message: 'was here already' }], false],
    );
  });

  it('says at once that nobody is there, surely; of a call that was under way it is unsure; and comes back by itself', async () => {
    const first = await start();
    const port = Number(new URL(first.url).port);
    await using channel = openChannel({ target: `127.0.0.1:${port}`, tls: undefined, internalSecret: undefined });
    const client = createClient(Sandbox, channel.transport);
    const failure = (toolName: string) =>
      client.executeTool({ toolName }, { headers: right }).then(() => undefined, fromConnectError);
    assert.equal(await failure(''), undefined);
    const session = failure('wait');
    await pause(100);
    await first[Symbol.asyncDispose]();
    const ended = await session;
    assert.deepEqual([ended?.reason, ended?.unsure], ['shutting_down', true]);
    const gone = await failure('');
    assert.deepEqual([gone?.reason, gone?.unsure], ['unavailable', false]);
    assert.match(gone!.message, /cannot be reached: nobody listens there/);
    await using _again = await start({ port });
    assert.equal(await failure(''), undefined);
  });

  it('calls services of the same process through the same checks', async () => {
    await using channel = openLocalChannel([service], { authenticate: async () => somebody, log: silentLog });
    const client = createClient(Sandbox, channel.transport);
    const { status } = await withContext({ requestId: 'req-2', traceId: 't' }, () => client.executeTool({}));
    assert.equal(status, 'acme req-2');
    const refused = fromConnectError(await client.executeTool({ toolName: 'refuse' }).catch((error: unknown) => error));
    assert.equal(refused.reason, 'rate_limited');
  });
});

describe('mutual TLS', { timeout: 120_000 }, () => {
  let directory: string;
  let ours: Tls;
  let theirs: Tls;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'reeve-certs-'));
    ours = await certificates('ours');
    theirs = await certificates('theirs');
  });
  after(() => rm(directory, { recursive: true, force: true }));

  async function certificates(name: string): Promise<Tls> {
    const files = await makeCertificates(join(directory, name), ['localhost', '127.0.0.1']);
    return readTls({
      tlsCaCertPath: files.ca,
      tlsServerCertPath: files.serverCert,
      tlsServerKeyPath: files.serverKey,
      tlsClientCertPath: files.clientCert,
      tlsClientKeyPath: files.clientKey,
    })!;
  }

  it('lets in who shows a certificate of the same authority, and nobody else', async () => {
    const peers: boolean[] = [];
    await using server = await start({
      tls: ours,
      authenticate: async (_, { isPeer }) => {
        peers.push(isPeer);
        return somebody;
      },
    });
    assert.match(server.url, /^https:/);
    const codeWith = async (tls?: Parameters<typeof createGrpcClient>[2]) => {
      using client = createGrpcClient(SERVICE, at(server.url), tls);
      return (await client.call('ExecuteTool', {}, { timeoutMs: 5_000 })).code;
    };
    assert.equal(await codeWith(ours), 'OK');
    const strangers: Readonly<Record<string, Parameters<typeof createGrpcClient>[2]>> = {
      'without a certificate': { ca: ours.ca },
      'with a certificate of another authority': { ca: ours.ca, client: theirs.client },
      'with a server’s certificate': { ca: ours.ca, client: ours.server },
      'that trusts another authority': theirs,
      'without TLS': undefined,
    };
    for (const [who, tls] of Object.entries(strangers)) assert.equal(await codeWith(tls), 'UNAVAILABLE', who);
    assert.deepEqual(peers, [true]);
    using health = createGrpcClient('grpc.health.v1.Health', at(server.url), { ca: ours.ca });
    assert.equal((await health.call('Check', {}, { timeoutMs: 5_000 })).code, 'UNAVAILABLE');
  });

  it('is what a channel speaks, which believes no other server', async () => {
    await using server = await start({ tls: ours, authenticate: async () => somebody });
    const failure = async (tls: Tls) => {
      await using channel = openChannel({ target: at(server.url), tls, internalSecret: 'is not sent' });
      return await createClient(Sandbox, channel.transport)
        .executeTool({})
        .then(() => undefined, fromConnectError);
    };
    assert.equal((await failure(ours))?.message, undefined);
    assert.match((await failure(theirs))!.message, /cannot be reached: .*(certificate|signature)/i);
  });
});

function openSocket(port: number) {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
  socket.on('error', () => undefined);
  return { socket, text: () => text, [Symbol.asyncDispose]: async () => void socket.destroy() };
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    assert.ok(tries < 500, 'it never came to hold');
    await pause(20);
  }
}
