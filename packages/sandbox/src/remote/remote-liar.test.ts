import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Channel, Programs, type ExecRequest, type ExecResponseSchema } from '@reeve/contract/proto/reeve/v1/programs';
import { silentLog } from '@reeve/kit';
import { openChannel, startRpcServer } from '@reeve/rpc';
import type { EgressConnection } from '../egress/egress.ts';
import { createRemoteDriver } from './driver.ts';
import type { SandboxRequest } from '../sandbox.ts';

type Message = MessageInitShape<typeof ExecResponseSchema>;
type Event = NonNullable<Message['event']>;

/** Calls a sandbox that says these, whatever it is asked, and answers what the caller said meanwhile. */
async function callLiar(events: readonly Event[], request: Partial<SandboxRequest> = {}) {
  const heard: ExecRequest['input'][] = [];
  await using server = await startRpcServer({
    host: '127.0.0.1',
    port: 0,
    tls: undefined,
    services: [
      {
        service: Programs,
        routes: (router) =>
          router.service(Programs, {
            async *exec(inputs): AsyncGenerator<Message> {
              const iterator = inputs[Symbol.asyncIterator]();
              await iterator.next();
              let questions = 0;
              for (const event of events) {
                yield { event };
                questions += Number(event.case === 'question');
              }
              for (; questions > 0; questions--) heard.push((await iterator.next()).value!.input);
            },
          }),
      },
    ],
    authenticate: async () => ({ tenantId: 'default', userId: 'ada', role: 'admin', via: 'internal' }),
    log: silentLog,
  });
  await using channel = openChannel({ target: new URL(server.url).host, tls: undefined, internalSecret: 'secret' });
  const driver = createRemoteDriver({ channel, roots: {} });
  const call = { language: 'bash', code: 'cat', timeoutMs: 10_000, maxOutputBytes: 1_000, ...request } as const;
  const failure = await driver.exec(call, AbortSignal.timeout(20_000)).then(
    () => assert.fail('it succeeded'),
    (error: unknown) => error as { reason: string; unsure: boolean; message: string },
  );
  return { failure, heard };
}

describe('a sandbox elsewhere that lies', { timeout: 60_000 }, () => {
  it('is not believed about the input that it took', async () => {
    for (const value of [-1, 0, NaN, 0.5, Infinity, 1e12]) {
      const { failure } = await callLiar([{ case: 'stdinTaken', value }], { stdin: 'x'.repeat(2_000_000) });
      assert.deepEqual([failure.reason, failure.unsure], ['upstream_error', true], String(value));
      assert.match(failure.message, /says that it took/);
    }
  });

  it('is not believed about output without end', async () => {
    const piece: Event = { case: 'kept', value: { channel: Channel.STDOUT, data: new Uint8Array(100_000) } };
    const { failure } = await callLiar([piece, piece]);
    assert.deepEqual([failure.reason, failure.unsure], ['upstream_error', true]);
  });

  it('gets no connection by a name that is none, and what it says is written down cut', async () => {
    const recorded: EgressConnection[] = [];
    const egress = {
      hosts: async () => ['*.example.com'],
      headersFor: () => ({ authorization: 'Bearer key' }),
      connect: async () => assert.fail('it connected'),
      record: async (connection: EgressConnection) => void recorded.push(connection),
    };
    const question = (host: string, port = 443, refused = ''): Event => ({
      case: 'question',
      value: { id: 1, about: { case: 'connection', value: { host, port, kind: 'request', refused } } },
    });
    const { heard } = await callLiar(
      [
        question('evil\r\nx: 1.example.com'),
        question(`${'x'.repeat(400_000)}.example.com`),
        question('API.example.com'),
        question('api.example.com:443'),
        question('api.example.com', 4_294_967_295),
        question('api.example.com', 80),
        question('api.example.com', 443, 'y'.repeat(400_000)),
        question('api.example.com'),
      ],
      { egress },
    );
    const verdicts = heard.map((input) => (input.case === 'verdict' ? input.value : assert.fail(input.case)));
    assert.deepEqual(
      verdicts.map(({ isDenied, headers }) => [isDenied, Object.keys(headers)]),
      [...Array.from({ length: 7 }, () => [true, []]), [false, ['authorization']]],
    );
    assert.deepEqual(
      recorded.map(({ refused }) => refused === undefined),
      [...Array.from({ length: 7 }, () => false), true],
    );
    for (const { host, port, refused = '' } of recorded)
      assert.ok(host.length <= 253 && refused.length <= 253 && port <= 65_535, `${host.length} ${refused.length}`);
  });
});
