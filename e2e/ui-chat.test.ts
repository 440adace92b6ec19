import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import { newId } from '@reeve/kit';
import {
  AbstractChat,
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  lastAssistantMessageIsCompleteWithToolCalls,
  readUIMessageStream,
  type ChatInit,
  type ChatState,
  type ChatStatus,
  type DynamicToolUIPart,
  type UIMessage,
} from 'ai';
import { createTestDatabase, testDatabaseKind } from '@reeve/testing/database';
import { startReeve, type Reeve } from '@reeve/testing/reeve';
import { startServer } from '@reeve/testing/server';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';

const WORDS = Array.from({ length: 30 }, (_, index) => `word${index} `);
type Metadata = { run_id: string; session_id: string; usage?: { total_tokens: number } };
type Message = UIMessage<Metadata>;

/** What `useChat` keeps its messages in, without React. */
class State implements ChatState<Message> {
  status: ChatStatus = 'ready';
  error: Error | undefined = undefined;
  messages: Message[] = [];
  pushMessage = (message: Message) => void (this.messages = [...this.messages, message]);
  popMessage = () => void (this.messages = this.messages.slice(0, -1));
  replaceMessage = (index: number, message: Message) =>
    void (this.messages = this.messages.map((each, at) => (at === index ? message : each)));
  snapshot = <T>(value: T): T => structuredClone(value);
}

/** What `useChat` is, without React. */
class Chat extends AbstractChat<Message> {
  constructor(init: ChatInit<Message>) {
    super({ ...init, state: new State() });
  }
}

describe('the AI SDK’s chat', { timeout: 300_000 }, () => {
  let upstream: FakeUpstream;
  let reeve: Reeve;
  before(async () => {
    upstream = await startFakeUpstream();
    reeve = await startReeve({
      ...environment(),
      REEVE_API_KEY: 'rv_administrator',
      REEVE_INTERNAL_SECRET: 'internal-secret',
    });
  });
  beforeEach(() => upstream.reset());
  after(async () => {
    await reeve[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });
  const environment = () => upstream.environment;

  const KEY = { authorization: 'Bearer rv_administrator' };
  const transport = (body: object = {}, url = reeve.url, headers: Record<string, string> = KEY) =>
    new DefaultChatTransport<Message>({ api: `${url}/api/chat`, headers, body });
  const chat = (init: ChatInit<Message> = {}) => new Chat({ transport: transport(), ...init });
  const ours = () => createClient({ baseUrl: reeve.url, apiKey: 'rv_administrator' });
  const textOf = (message: Message | undefined) =>
    (message?.parts ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('|');
  const toolsOf = (message: Message | undefined) =>
    (message?.parts ?? []).filter((part): part is DynamicToolUIPart => part.type === 'dynamic-tool');
  const told = (index: number) =>
    upstream.requests[index]?.messages.filter(({ role }) => role !== 'system').map(({ text }) => text);
  const said = (text: string, role: Message['role'] = 'user'): Message => ({
    id: newId(),
    role,
    parts: [{ type: 'text', text }],
  });

  async function until(done: () => boolean): Promise<void> {
    while (!done()) await new Promise((next) => setTimeout(next, 10));
  }
  async function endOf(runId: string): Promise<string> {
    for await (const event of ours().followRun(runId)) if (event.type === 'session_end') return event.status;
    throw new Error('the run has no end');
  }

  it('streams reasoning, text and tools of an agent as parts of one message', async () => {
    upstream.script([
      { thinking: ['hm'], text: ['I calculate.'], toolCalls: [{ name: 'calculator', input: { expression: '6 * 7' } }] },
      { text: ['It is ', '42.'] },
    ]);
    const one = chat();
    await one.sendMessage({ text: '6 * 7?' });
    assert.deepEqual([one.status, one.error], ['ready', undefined]);
    const answer = one.lastMessage;
    assert.deepEqual(
      answer?.parts.map(({ type }) => type),
      ['step-start', 'reasoning', 'text', 'dynamic-tool', 'step-start', 'text'],
    );
    assert.equal(textOf(answer), '||I calculate.|||It is 42.');
    const [tool] = toolsOf(answer);
    assert.ok(tool?.state === 'output-available');
    assert.deepEqual([tool.toolName, tool.input], ['calculator', { expression: '6 * 7' }]);
    assert.match(JSON.stringify(tool.output), /42/);
    assert.ok(answer?.metadata?.usage !== undefined && answer.metadata.usage.total_tokens > 0);
    const run = await ours().call(routes.getRun, { params: { id: answer.metadata.run_id } });
    assert.deepEqual([run.door, run.status, run.session_id], ['ui_chat', 'completed', answer.metadata.session_id]);
  });

  it('is offered tools of the page: their outputs carry the same run on, beside calls of the agent’s own', async () => {
    const tools = { pick_color: { description: 'Asks the person for a color.', parameters: { type: 'object' } } };
    const calls = [
      { name: 'calculator', input: { expression: '6 * 7' } },
      { name: 'pick_color', input: { of: 'wall' } },
    ];
    upstream.script([
      { text: ['Which?'], toolCalls: calls },
      { toolCalls: [calls[1]!] },
      { text: ['Blue, then red.'] },
    ]);
    const one: Chat = chat({
      transport: transport({ tools }),
      sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithToolCalls,
    });
    await one.sendMessage({ text: 'paint' });
    assert.deepEqual([one.status, one.error], ['ready', undefined]);
    const pending = () => toolsOf(one.lastMessage).filter(({ state }) => state === 'input-available');
    assert.deepEqual(
      toolsOf(one.lastMessage).map(({ toolName, state }) => [toolName, state]),
      [
        ['calculator', 'output-available'],
        ['pick_color', 'input-available'],
      ],
    );
    const { runs } = await ours().call(routes.listRuns, { query: { limit: 1 } });
    assert.equal(runs[0]!.waiting_for, 'caller');
    const again = chat({ id: one.id });
    await again.resumeStream();
    assert.deepEqual(
      toolsOf(again.lastMessage).map(({ state }) => state),
      ['output-available', 'input-available'],
    );
    const answer = async (output: string) =>
      one.addToolOutput({ tool: 'pick_color', toolCallId: pending()[0]!.toolCallId, output });
    await answer('blue');
    await until(() => one.status === 'ready' && pending().length === 1);
    assert.equal(upstream.requests.length, 2);
    await answer('red');
    await until(() => one.status === 'ready' && textOf(one.lastMessage).includes('red'));
    assert.deepEqual(
      toolsOf(one.lastMessage).map(({ toolName, output }) => [toolName, toolName === 'pick_color' ? output : true]),
      [
        ['calculator', true],
        ['pick_color', 'blue'],
        ['pick_color', 'red'],
      ],
    );
    assert.equal(one.messages.length, 2, 'it is one message');
    const run = await ours().call(routes.getRun, { params: { id: runs[0]!.id } });
    assert.deepEqual([run.status, run.result, upstream.requests.length], ['completed', 'Blue, then red.', 3]);
  });

  it('is one session: only the newest message is new, and messages before a new chat come first', async () => {
    upstream.respond(() => ({ text: ['yes'] }));
    const one = chat({ id: 'a chat of ada' });
    one.messages = [said('My dog is Rex.'), said('Noted.', 'assistant')];
    await one.sendMessage({ text: 'And my cat Tom.' });
    await one.sendMessage({ text: 'Who are they?' });
    assert.deepEqual(told(0), ['My dog is Rex.', 'Noted.', 'And my cat Tom.']);
    assert.deepEqual(told(1), ['My dog is Rex.', 'Noted.', 'And my cat Tom.', 'yes', 'Who are they?']);
    const [first, second] = one.messages.filter(({ metadata }) => metadata !== undefined);
    assert.equal(first?.metadata?.session_id, second?.metadata?.session_id);
  });

  it('takes the agent from the body, and names one that is not there in words', async () => {
    upstream.respond(() => ({ text: ['I am terse.'] }));
    await ours().call(routes.createAgent, { body: { name: 'Terse', slug: 'terse', system_prompt: 'Be terse.' } });
    const one = chat({ transport: transport({ agent: 'terse' }) });
    await one.sendMessage({ text: 'hi' });
    const run = await ours().call(routes.getRun, { params: { id: one.lastMessage!.metadata!.run_id } });
    assert.equal(run.agent, 'terse');
    const other = chat({ transport: transport({ agent: 'nobody' }) });
    await other.sendMessage({ text: 'hi' });
    assert.deepEqual([other.status, other.error?.message], ['error', 'there is no agent nobody']);
  });

  it('that is stopped in the middle changes nothing, and another page reads the answer from its beginning', async () => {
    upstream.script([{ text: WORDS, pauseMs: 60 }]);
    const id = newId();
    const one = chat({ id });
    const sending = one.sendMessage({ text: 'go on' });
    await until(() => textOf(one.lastMessage).includes('word1 '));
    await one.stop();
    await sending;
    const reloaded = chat({ id });
    await reloaded.resumeStream();
    assert.equal(textOf(reloaded.lastMessage), `|${WORDS.join('')}`);
    assert.equal(await endOf(reloaded.lastMessage!.metadata!.run_id), 'completed');
    assert.equal(await transport().reconnectToStream({ chatId: id }), null);
    assert.equal(await transport().reconnectToStream({ chatId: newId() }), null);
    assert.equal(await transport().reconnectToStream({ chatId: 'a name that nobody gave' }), null);
    assert.equal(upstream.requests.length, 1);
  });

  it('is read by readUIMessageStream as well', async () => {
    upstream.script([{ text: ['a', 'b'] }]);
    const stream = await transport().sendMessages({
      chatId: newId(),
      messages: [said('go')],
      trigger: 'submit-message',
      messageId: undefined,
      abortSignal: undefined,
    });
    let last: Message | undefined;
    for await (const message of readUIMessageStream<Message>({ stream })) last = message;
    assert.equal(textOf(last), '|ab');
    assert.equal(last?.id, `msg-${last?.metadata?.run_id}`);
  });

  it('shows a failed run as an error, and a cancelled one as ended', async () => {
    upstream.script([{ fault: 'http-401', message: 'no such key' }]);
    const failing = chat();
    await failing.sendMessage({ text: 'go' });
    assert.equal(failing.status, 'error');
    assert.match(failing.error!.message, /401/);
    upstream.script([{ text: WORDS, fault: 'hang' }]);
    const stopped = chat();
    const sending = stopped.sendMessage({ text: 'go' });
    await until(() => textOf(stopped.lastMessage).includes('word1 '));
    await ours().call(routes.cancelRun, { params: { id: stopped.lastMessage!.metadata!.run_id } });
    await sending;
    assert.equal(stopped.status, 'ready');
  });

  it('is refused what is no image, silence and somebody else’s chat, in plain words', async () => {
    const file = { type: 'file' as const, mediaType: 'image/png', url: 'data:image/png;base64,AA==' };
    const one = chat();
    await one.sendMessage({ parts: [{ type: 'text', text: 'look' }, file] });
    assert.match(one.error!.message, /^messages\.0\.parts\.1\.url: is not an image in PNG/);
    const silent = chat();
    await silent.sendMessage({ text: '  ' });
    assert.match(silent.error!.message, /must say something/);
    upstream.respond(() => ({ text: ['mine'] }));
    const mine = chat({ id: newId() });
    await mine.sendMessage({ text: 'hi' });
    const stranger = {
      'x-internal-service': 'true',
      'x-internal-service-secret': 'internal-secret',
      'x-tenant-id': 'another',
    };
    const theirs = chat({ id: mine.id, transport: transport({}, reeve.url, stranger) });
    await theirs.sendMessage({ text: 'hi' });
    assert.match(theirs.error!.message, /there is no session/);
    assert.equal((theirs.error as { statusCode?: number }).statusCode, 404);
    assert.equal(await transport({}, reeve.url, stranger).reconnectToStream({ chatId: mine.id }), null);
    assert.equal(upstream.requests.length, 1);
  });

  describe('with an agent whose calculator needs approval', () => {
    const approving = transportOf('careful');
    function transportOf(agent: string) {
      return () => transport({ agent });
    }
    before(() =>
      ours().call(routes.createAgent, {
        body: { name: 'Careful', slug: 'careful', tools: ['calculator'], approvals: ['calculator'] },
      }),
    );
    const ask = { toolCalls: [{ name: 'calculator', input: { expression: '6 * 7' } }] };
    const sendAutomaticallyWhen = lastAssistantMessageIsCompleteWithApprovalResponses;

    for (const approved of [true, false]) {
      it(`asks its user, and the same run goes on once it is ${approved ? 'approved' : 'rejected'}`, async () => {
        upstream.script([ask, { text: ['Well.'] }]);
        const one = chat({ transport: approving(), sendAutomaticallyWhen });
        await one.sendMessage({ text: '6 * 7?' });
        const [asked] = toolsOf(one.lastMessage);
        assert.ok(asked?.state === 'approval-requested', asked?.state);
        const before = one.lastMessage!.metadata!.run_id;
        await one.addToolApprovalResponse({ id: asked.approval.id, approved, reason: 'because' });
        await until(() => one.status === 'ready' && textOf(one.lastMessage).includes('Well.'));
        assert.equal(one.messages.length, 2);
        assert.equal(one.lastMessage!.metadata!.run_id, before);
        const [judged] = toolsOf(one.lastMessage);
        assert.equal(judged?.state, approved ? 'output-available' : 'output-denied');
        assert.equal(await endOf(before), 'completed');
      });
    }

    it('shows what waits to a page that comes later, and what somebody else decided', async () => {
      upstream.script([ask, { text: ['Well.'] }]);
      const id = newId();
      const one = chat({ id, transport: approving() });
      await one.sendMessage({ text: '6 * 7?' });
      const later = chat({ id, transport: approving(), sendAutomaticallyWhen });
      await later.resumeStream();
      const [asked] = toolsOf(later.lastMessage);
      assert.ok(asked?.state === 'approval-requested');
      await ours().call(routes.decideApproval, { params: { id: asked.approval.id }, body: { decision: 'approve' } });
      assert.equal(await endOf(later.lastMessage!.metadata!.run_id), 'completed');
      await later.addToolApprovalResponse({ id: asked.approval.id, approved: false });
      await until(() => later.status === 'ready' && textOf(later.lastMessage).includes('Well.'));
      assert.equal(toolsOf(later.lastMessage)[0]?.state, 'output-available');
    });
  });

  if (testDatabaseKind === 'postgres') {
    it('is resumed over another process while the run goes on in the first', async () => {
      await using place = await createTestDatabase();
      await using elsewhere = await createTestDatabase();
      await using first = await startServer({ ...place, environment: environment() });
      const { dataDirectory } = elsewhere;
      await using second = await startServer({ url: place.url, dataDirectory, environment: environment() });
      upstream.script([{ text: WORDS, pauseMs: 60 }]);
      const id = 'one chat, two servers';
      const one = chat({ id, transport: transport({}, first.url, {}) });
      const sending = one.sendMessage({ text: 'go on' });
      await until(() => textOf(one.lastMessage).includes('word1 '));
      await one.stop();
      await sending;
      const two = chat({ id, transport: transport({}, second.url, {}) });
      await two.resumeStream();
      assert.equal(textOf(two.lastMessage), `|${WORDS.join('')}`);
    });
  }
});
