import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import { createTestDatabase } from '@reeve/testing/database';
import { startReeve, type Reeve } from '@reeve/testing/reeve';
import { startServer } from '@reeve/testing/server';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';

const WORDS = Array.from({ length: 30 }, (_, index) => `word${index} `);
interface Frame {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A plain WebSocket with the frames that have come. */
class Socket implements Disposable {
  readonly frames: Frame[] = [];
  readonly closed: Promise<number>;
  readonly socket: WebSocket;
  #wake = () => {};

  constructor(url: string, protocols: string[] = []) {
    this.socket = new WebSocket(`${url.replace(/^http/, 'ws')}/ws/v1/companion`, protocols);
    this.socket.onmessage = ({ data }) => {
      this.frames.push(JSON.parse(String(data)) as Frame);
      this.#wake();
    };
    this.closed = new Promise((resolve) => {
      this.socket.onclose = ({ code }) => resolve(code);
    });
  }
  say(payload: object): void {
    this.send({ action: 'send_message', payload });
  }
  send(frame: unknown): void {
    this.socket.send(JSON.stringify(frame));
  }
  /** The first frame that fits, of those that have come and will. */
  async find(fits: (frame: Frame) => boolean): Promise<Frame> {
    for (let seen = 0; ;) {
      const found = this.frames.slice(seen).find(fits);
      if (found !== undefined) return found;
      seen = this.frames.length;
      await new Promise<void>((wake) => (this.#wake = wake));
    }
  }
  readonly event = (event: string) => this.find((frame) => frame.event === event);
  [Symbol.dispose](): void {
    this.socket.close();
  }
}

describe('the companion’s WebSocket', { timeout: 300_000 }, () => {
  let upstream: FakeUpstream;
  let reeve: Reeve;
  before(async () => {
    upstream = await startFakeUpstream();
    reeve = await startReeve({ ...environment(), REEVE_API_KEY: 'rv_administrator' });
  });
  beforeEach(() => upstream.reset());
  after(async () => {
    await reeve[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });
  const environment = () => upstream.environment;
  const ours = () => createClient({ baseUrl: reeve.url, apiKey: 'rv_administrator' });
  async function open(): Promise<Socket> {
    const socket = new Socket(reeve.url, ['reeve', 'reeve.key.rv_administrator']);
    await socket.event('ack');
    return socket;
  }

  it('acknowledges a message, streams the events of its run, and ends with the answer', async () => {
    using socket = await open();
    upstream.script([
      { text: ['I calculate.'], toolCalls: [{ name: 'calculator', input: { expression: '6 * 7' } }] },
      { text: ['It is ', '42.'] },
    ]);
    socket.say({ prompt: '6 * 7?', session_id: 'sums', resources: [{ unit: 'none' }] });
    const { data } = await socket.event('agi_response');
    const [opened, ack] = socket.frames.filter(({ event }) => event === 'ack');
    assert.deepEqual(Object.keys(opened!.data).sort(), ['request_id', 'trace_id']);
    for (const id of ['request_id', 'trace_id']) {
      assert.equal(ack!.data[id], opened!.data[id]);
      assert.equal(data[id], opened!.data[id]);
    }
    assert.equal(data['result'], 'It is 42.');
    const events = socket.frames.map(({ event }) => event);
    assert.deepEqual(events.slice(0, 4), ['ack', 'ack', 'session_start', 'system']);
    assert.deepEqual(events.slice(-3), ['result', 'session_end', 'agi_response']);
    for (const type of ['text', 'tool_call', 'tool_result', 'usage']) assert.ok(events.includes(type), type);
    const run = await ours().call(routes.getRun, { params: { id: String(data['run_id']) } });
    assert.deepEqual([run.door, run.session_id], ['companion', data['session_id']]);
    assert.match(upstream.requests[0]!.messages.at(-1)!.text, /6 \* 7\?\n\nResources:\n.*"unit": "none"/s);
  });

  it('takes several messages, which are one session where they name none', async () => {
    using socket = await open();
    upstream.respond(() => ({ text: ['yes'] }));
    socket.say({ prompt: 'one' });
    const first = await socket.event('agi_response');
    socket.say({ prompt: 'two' });
    const second = await socket.find(
      ({ event, data }) => event === 'agi_response' && data['run_id'] !== first.data['run_id'],
    );
    assert.equal(second.data['session_id'], first.data['session_id']);
    assert.deepEqual(
      upstream.requests[1]?.messages.filter(({ role }) => role !== 'system').map(({ text }) => text),
      ['one', 'yes', 'two'],
    );
  });

  it('tells what is wrong with a frame, and goes on', async () => {
    using socket = await open();
    const wrong = async (send: () => void, code: string, message: RegExp) => {
      const before = socket.frames.length;
      send();
      const { event, data } = await socket.find((frame) => socket.frames.indexOf(frame) >= before);
      assert.deepEqual([event, data['code']], ['error', code]);
      assert.match(String(data['message']), message);
    };
    await wrong(() => socket.socket.send('{'), 'invalid_request', /must be JSON/);
    await wrong(() => socket.send(7), 'invalid_request', /must be an object/);
    await wrong(() => socket.send({ action: 'shout', payload: { prompt: 'x' } }), 'invalid_request', /send_message/);
    await wrong(() => socket.say({}), 'invalid_request', /prompt is required/);
    await wrong(() => socket.say({ prompt: 'x', multitask: 'maybe' }), 'invalid_request', /multitask must be one of/);
    await wrong(() => socket.say({ prompt: 'x', agent: 'nobody' }), 'not_found', /there is no agent nobody/);
    upstream.script([{ text: ['fine'] }]);
    socket.say({ prompt: 'x', multitask: 'enqueue' });
    assert.equal((await socket.event('agi_response')).data['result'], 'fine');
  });

  it('ends a failed run with one error, which says why', async () => {
    using socket = await open();
    upstream.script([{ fault: 'http-401', message: 'no such key' }]);
    socket.say({ prompt: 'x' });
    const { data } = await socket.event('error');
    assert.match(String(data['message']), /401/);
    assert.ok(typeof data['code'] === 'string' && typeof data['run_id'] === 'string');
    assert.equal(socket.frames.at(-1)?.event, 'error');
    assert.equal(socket.frames.filter(({ event }) => event === 'error').length, 1);
  });

  it('that closes in the middle changes nothing: the run completes', async () => {
    upstream.script([{ text: WORDS, pauseMs: 30 }]);
    using socket = await open();
    socket.say({ prompt: 'go on' });
    const { data } = await socket.event('text');
    socket.socket.close();
    await socket.closed;
    const runId = String(data['run_id']);
    for await (const event of ours().followRun(runId))
      if (event.type === 'result') assert.equal(event.result, WORDS.join(''));
    assert.equal((await ours().call(routes.getRun, { params: { id: runId } })).status, 'completed');
  });

  it('needs a key, and is in the OpenAPI document', async () => {
    const refused = new Socket(reeve.url);
    assert.equal(await refused.closed, 1006);
    const plain = await fetch(`${reeve.url}/ws/v1/companion`, { headers: { 'x-api-key': 'rv_administrator' } });
    assert.equal(plain.status, 400);
    const { paths } = (await (await fetch(`${reeve.url}/openapi.json`)).json()) as { paths: Record<string, object> };
    assert.ok('get' in paths['/ws/v1/companion']!);
  });

  it('is closed by a server that stops, so that its client comes back', async () => {
    await using place = await createTestDatabase();
    await using server = await startServer({ ...place, environment: environment() });
    using socket = new Socket(server.url);
    await socket.event('ack');
    upstream.script([{ text: WORDS, pauseMs: 60 }]);
    socket.say({ prompt: 'x' });
    await socket.event('text');
    await server.end('SIGTERM');
    assert.equal(await socket.closed, 1012);
  });
});
