import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { silentLog, sleep } from '@reeve/kit';
import { ByteStream, encodeBytes, writeBytes } from './bytes.ts';

describe('a stream of bytes', () => {
  let server: Server;
  let stream: ByteStream;
  let stopping: AbortController;
  const signals: AbortSignal[] = [];
  before(async () => {
    server = createServer((_, outgoing) => {
      outgoing.writeHead(200);
      void writeBytes(outgoing, stream, stopping.signal, silentLog);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => server.close());

  async function ask(): Promise<IncomingMessage> {
    const request = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false });
    const [incoming] = (await once(request, 'response')) as [IncomingMessage];
    return incoming;
  }

  /** Lines that wait after the second until the signal aborts. */
  const waiting = ByteStream.ofLines(async function* (signal) {
    signals.push(signal);
    yield 'one';
    yield 'two';
    await sleep(60_000, signal);
  });

  it('comes whole, however long it is', async () => {
    stopping = new AbortController();
    stream = ByteStream.ofLines(async function* () {
      for (let line = 0; line < 20_000; line += 1) yield `${line} ${'x'.repeat(100)}`;
    });
    const lines = (await text(await ask())).split('\n');
    assert.deepEqual([lines.length, lines[0]?.slice(0, 2), lines.at(-1)], [20_001, '0 ', '']);
    assert.deepEqual((await new Response(encodeBytes(stream, stopping.signal)).text()).split('\n'), lines);
  });

  it('is cut, not ended, where it fails or the server stops', async () => {
    stopping = new AbortController();
    stream = ByteStream.ofLines(async function* () {
      yield 'one';
      await sleep(20);
      throw new Error('gone');
    });
    await assert.rejects(text(await ask()), { code: 'ECONNRESET' });
    await assert.rejects(new Response(encodeBytes(stream, stopping.signal)).text(), /gone/);
    stream = waiting;
    const incoming = await ask();
    stopping.abort(new Error('stopping'));
    await assert.rejects(text(incoming), { code: 'ECONNRESET' });
  });

  it('is told when its reader goes', { timeout: 10_000 }, async () => {
    stopping = new AbortController();
    stream = waiting;
    const incoming = await ask();
    incoming.destroy();
    const signal = signals.at(-1)!;
    if (!signal.aborted) await once(signal, 'abort');
    const reader = encodeBytes(waiting, stopping.signal).getReader();
    await reader.read();
    await reader.cancel();
    assert.equal(signals.at(-1)!.aborted, true);
  });
});
