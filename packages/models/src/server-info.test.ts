import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import { readContextWindow, readServerSlots } from './server-info.ts';

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());

/** A server that answers these paths, and 404 else; remembers what it was asked. */
async function serve(answers: Readonly<Record<string, unknown>>) {
  const asked: { path: string; authorization: string | undefined; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => {
      const path = request.url!;
      asked.push({ path, authorization: request.headers.authorization, body });
      const answer = answers[path];
      response.statusCode = answer === undefined ? 404 : 200;
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer ?? { error: 'no such path' }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stack.defer(() => void server.close());
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const read = async (answers: Readonly<Record<string, unknown>>, model = 'qwen3', path = '/v1') => {
  const { baseUrl } = await serve(answers);
  const server = { baseUrl: baseUrl + path, apiKey: undefined };
  return { slots: await readServerSlots(server), contextTokens: await readContextWindow(server, model) };
};

describe('what a server says of itself', () => {
  it('is read from llama.cpp: slots, and the window of one', async () => {
    const answers = { '/props': { total_slots: 2, default_generation_settings: { n_ctx: 4096, n_predict: -1 } } };
    assert.deepEqual(await read(answers), { slots: 2, contextTokens: 4096 });
    assert.deepEqual(await read({ '/props': { total_slots: 4 } }), { slots: 4, contextTokens: undefined });
  });

  it('is read from vLLM: the length of the model that is asked for', async () => {
    const data = [
      { id: 'other', object: 'model', max_model_len: 1_000 },
      { id: 'qwen3', object: 'model', max_model_len: 40_960 },
    ];
    assert.deepEqual(await read({ '/v1/models': { data } }), { slots: undefined, contextTokens: 40_960 });
    assert.equal((await read({ '/v1/models': { data } }, 'third')).contextTokens, undefined);
  });

  it('is read from LM Studio: what is loaded, else what the model could', async () => {
    const model = { id: 'qwen3', state: 'loaded', max_context_length: 131_072, loaded_context_length: 8_192 };
    assert.equal((await read({ '/api/v0/models': { data: [model] } })).contextTokens, 8_192);
    const { loaded_context_length: _, ...unloaded } = model;
    assert.equal((await read({ '/api/v0/models': { data: [unloaded] } })).contextTokens, 131_072);
  });

  it('is read from Ollama: what is loaded, else the model’s own setting, and never what its weights could', async () => {
    const loaded = { models: [{ name: 'qwen3:latest', model: 'qwen3:latest', context_length: 4_096 }] };
    const shown = {
      parameters: 'stop "<|im_end|>"\nnum_ctx                        16384\n',
      model_info: { 'qwen3.context_length': 40_960 },
    };
    assert.equal((await read({ '/api/ps': loaded, '/api/show': shown })).contextTokens, 4_096);
    assert.equal((await read({ '/api/ps': { models: [] }, '/api/show': shown })).contextTokens, 16_384);
    const bare = { model_info: shown.model_info };
    assert.equal((await read({ '/api/ps': { models: [] }, '/api/show': bare })).contextTokens, undefined);
  });

  it('is unknown from whoever says nothing, or rubbish', async () => {
    for (const rubbish of [
      '<html>',
      '[]',
      'null',
      '{"data":[{"id":"qwen3","max_model_len":"many"}]}',
      '{"total_slots":0}',
    ])
      assert.deepEqual(
        await read({
          '/props': rubbish,
          '/v1/models': rubbish,
          '/api/v0/models': rubbish,
          '/api/ps': rubbish,
          '/api/show': rubbish,
        }),
        { slots: undefined, contextTokens: undefined },
        rubbish,
      );
    const nobody = { baseUrl: 'http://127.0.0.1:9/v1', apiKey: undefined };
    assert.deepEqual([await readServerSlots(nobody), await readContextWindow(nobody, 'x')], [undefined, undefined]);
  });

  it('is asked for below the path of its address, with its key', async () => {
    const { baseUrl, asked } = await serve({
      '/models/a/props': { total_slots: 3 },
      '/models/a/api/ps': { models: [] },
    });
    const server = { baseUrl: `${baseUrl}/models/a/v1/`, apiKey: 'sk-1' };
    assert.equal(await readServerSlots(server), 3);
    assert.deepEqual(
      asked.map(({ path }) => path),
      ['/models/a/props'],
    );
    assert.equal(await readContextWindow(server, 'm'), undefined);
    assert.deepEqual(asked.map(({ path }) => path).sort(), [
      '/models/a/api/ps',
      '/models/a/api/show',
      '/models/a/api/v0/models',
      '/models/a/props',
      '/models/a/props',
      '/models/a/v1/models',
    ]);
    assert.ok(asked.every(({ authorization }) => authorization === 'Bearer sk-1'));
    assert.equal(asked.find(({ path }) => path.endsWith('/show'))?.body, '{"model":"m"}');
  });

  it('is asked for with GET alone of a server that is not Ollama, since a POST could be taken for a call', async () => {
    const { baseUrl, asked } = await serve({ '/v1/models': { data: [] } });
    await readContextWindow({ baseUrl, apiKey: undefined }, 'm');
    assert.ok(asked.every(({ body, path }) => body === '' && !path.endsWith('/show')));
  });
});
