import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import { newId } from '@reeve/kit';
import OpenAI, { BadRequestError, NotFoundError } from 'openai';
import type { ChatCompletionMessageParam, ChatCompletionTool } from 'openai/resources/chat/completions';
import { startReeve, type Reeve } from '@reeve/testing/reeve';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';

const AGENT = 'agent/assistant';
const user = (content: string) => ({ role: 'user' as const, content });
const assistant = (content: string) => ({ role: 'assistant' as const, content });
/** What Open WebUI asks behind the first answer of a chat, by its own template. */
const TITLE = `### Task:
Generate a concise, 3-5 word title with an emoji summarizing the chat history.
### Output:
JSON format: { "title": "your concise title here" }
### Chat History:
<chat_history>
USER: hello
ASSISTANT: Hi.
</chat_history>`;
const NOTES: ChatCompletionTool = {
  type: 'function',
  function: { name: 'search_notes', parameters: { type: 'object' } },
};

describe('a chat client of other people', { timeout: 300_000 }, () => {
  let upstream: FakeUpstream;
  let reeve: Reeve;
  let openai: OpenAI;
  before(async () => {
    upstream = await startFakeUpstream();
    reeve = await startReeve({
      ...upstream.environment,
      EMBEDDING_PROVIDER: 'openai-compatible',
      EMBEDDING_MODEL: 'some-embedder',
    });
    openai = new OpenAI({ baseURL: `${reeve.url}/v1`, apiKey: 'none', maxRetries: 0 });
  });
  beforeEach(() => upstream.reset());
  after(async () => {
    await reeve[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });

  const ours = () => createClient({ baseUrl: reeve.url });
  const listRuns = async () => (await ours().call(routes.listRuns, { query: { limit: 200 } })).runs;
  const told = () =>
    upstream.requests
      .at(-1)!
      .messages.filter(({ role }) => role !== 'system')
      .map(({ text }) => text);

  describe('like Open WebUI, which forwards the id of its chat', () => {
    const ask = (chat: string, messages: ChatCompletionMessageParam[], more: object = {}) =>
      openai.chat.completions.create(
        { model: AGENT, messages, tools: [NOTES], ...more },
        { headers: { 'x-openwebui-chat-id': chat } },
      );

    it('has one session for a chat, in which nothing is stored twice', async () => {
      upstream.script([{ text: ['Hi.'] }, { text: ['You said hello.'] }]);
      const chat = newId();
      await ask(chat, [user('hello')]);
      await ask(chat, [user('hello'), assistant('Hi.'), user('what did I say?')]);
      assert.deepEqual(told(), ['hello', 'Hi.', 'what did I say?']);
      const runs = (await listRuns()).filter(({ session_id }) => session_id === chat);
      assert.equal(runs.length, 2);
      const { messages } = await ours().call(routes.getLatestMemory, { query: { session_id: chat } });
      assert.equal(messages.length, 4);
    });

    it('has its titles, tags and follow-ups answered by the model alone', async () => {
      upstream.script([{ text: ['Hi.'] }, { text: ['{"title": "Hello"}'] }]);
      const chat = newId();
      await ask(chat, [user('hello')]);
      const before = (await listRuns()).length;
      const answer = await ask(chat, [user(TITLE)], { tools: undefined });
      assert.equal(answer.choices[0]?.message.content, '{"title": "Hello"}');
      assert.deepEqual([(await listRuns()).length, told()], [before, [TITLE]]);
      const { messages } = await ours().call(routes.getLatestMemory, { query: { session_id: chat } });
      assert.equal(messages.length, 2);
      const nobody = openai.chat.completions.create({ model: 'agent/nobody', messages: [user(TITLE)] });
      await assert.rejects(nobody, NotFoundError);
    });

    it('may write on where an answer waits for a tool that was given up', async () => {
      upstream.script([{ toolCalls: [{ name: 'search_notes', input: {} }] }, { text: ['Never mind.'] }]);
      const chat = newId();
      await ask(chat, [user('what do my notes say?')]);
      const answer = await ask(chat, [user('what do my notes say?'), user('leave it')]);
      assert.equal(answer.choices[0]?.message.content, 'Never mind.');
      const statuses = (await listRuns()).filter(({ session_id }) => session_id === chat).map(({ status }) => status);
      assert.deepEqual(statuses.toSorted(), ['cancelled', 'completed']);
    });
  });

  describe('that asks for embeddings', () => {
    it('gets vectors of one text or of several, as numbers or packed, on its own account', async () => {
      upstream.script([
        { vectors: [[0.5, -1, 2]] },
        {
          vectors: [
            [1, 2, 3],
            [4, 5, 6],
          ],
          usage: { inputTokens: 7, outputTokens: 0 },
        },
      ]);
      const one = await openai.embeddings.create({ model: 'some-embedder', input: 'hello', encoding_format: 'float' });
      assert.deepEqual(one.data, [{ object: 'embedding', index: 0, embedding: [0.5, -1, 2] }]);
      // The client asks for packed vectors by itself, and unpacks them.
      const two = await openai.embeddings.create({ model: 'openai-compatible/some-embedder', input: ['a', 'b'] });
      assert.deepEqual(
        two.data.map(({ embedding }) => [...embedding]),
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
      );
      assert.deepEqual([two.object, two.usage], ['list', { prompt_tokens: 7, total_tokens: 7 }]);
      const { groups: usage } = await ours().call(routes.getUsage, { query: { group_by: 'model' } });
      assert.ok(JSON.stringify(usage).includes('some-embedder'), JSON.stringify(usage));
    });

    it('is told of another model, of tokens, and of too many dimensions', async () => {
      const embed = (body: object) =>
        openai.embeddings.create({ model: 'some-embedder', input: 'x', ...body } as never);
      await assert.rejects(embed({ model: 'text-embedding-3-small' }), NotFoundError);
      upstream.respond(() => ({ vectors: [[1, 2, 3]] }));
      for (const wrong of [{ input: [1, 2] }, { input: '' }, { input: [] }, { dimensions: 4 }])
        await assert.rejects(embed(wrong), BadRequestError, JSON.stringify(wrong));
    });
  });
});

describe('a server without an embedding model', { timeout: 300_000 }, () => {
  it('says what is to be set', async () => {
    await using reeve = await startReeve({ LLM_PROVIDER: 'mock' });
    const openai = new OpenAI({ baseURL: `${reeve.url}/v1`, apiKey: 'none', maxRetries: 0 });
    await assert.rejects(openai.embeddings.create({ model: 'any', input: 'hello' }), /EMBEDDING_PROVIDER/);
  });
});
