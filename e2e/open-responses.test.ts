import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import OpenAI from 'openai';
import type { Response, ResponseCreateParamsNonStreaming } from 'openai/resources/responses/responses';
import { startReeve, type Reeve } from '@reeve/testing/reeve';

/* The seven requests of Open Responses' acceptance test, to an agent and to the built-in model, which both answer without any key. */
const tools = [
  {
    type: 'function' as const,
    name: 'get_weather',
    description: 'Get the current weather for a location',
    parameters: {
      type: 'object',
      properties: { location: { type: 'string', description: 'The city and state, e.g. San Francisco, CA' } },
      required: ['location'],
    },
    strict: false,
  },
];
const WEATHER = [
  { type: 'message' as const, role: 'user' as const, content: "What's the weather like in San Francisco?" },
];
const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

for (const model of ['agent/assistant', 'mock']) {
  describe(`the acceptance test of Open Responses, at ${model}`, { timeout: 300_000 }, () => {
    let reeve: Reeve;
    let openai: OpenAI;
    before(async () => {
      reeve = await startReeve({ LLM_PROVIDER: 'mock' });
      openai = new OpenAI({ baseURL: `${reeve.url}/v1`, apiKey: 'none', maxRetries: 0 });
    });
    after(() => reeve[Symbol.asyncDispose]());

    const ask = (body: Omit<ResponseCreateParamsNonStreaming, 'model'>) => openai.responses.create({ model, ...body });
    const user = (content: string) => [{ type: 'message' as const, role: 'user' as const, content }];
    function requireAnswer(response: Response): void {
      assert.deepEqual([response.status, response.error], ['completed', null]);
      assert.ok(response.output.length > 0);
    }
    const callOf = (response: Response) => response.output.find((item) => item.type === 'function_call');

    it('answers text', async () => {
      const response = await ask({ input: user('Say hello in exactly 3 words.') });
      requireAnswer(response);
      assert.notEqual(response.output_text, '');
    });

    it('streams', async () => {
      const types: string[] = [];
      let text = '';
      for await (const event of await openai.responses.create({
        model,
        input: user('Count from 1 to 5.'),
        stream: true,
      })) {
        types.push(event.type);
        if (event.type === 'response.output_text.delta') text += event.delta;
        if (event.type === 'response.completed') assert.equal(event.response.output_text ?? text, text);
      }
      assert.deepEqual([types[0], types.at(-1)], ['response.created', 'response.completed']);
      assert.notEqual(text, '');
    });

    it('takes a system prompt', async () => {
      const system = { type: 'message' as const, role: 'system' as const, content: 'You are a pirate.' };
      requireAnswer(await ask({ input: [system, ...user('Say hello.')] }));
    });

    it('calls a tool that is offered, and answers from its result', async () => {
      const response = await ask({ input: WEATHER, tools });
      requireAnswer(response);
      const call = callOf(response);
      assert.deepEqual([call?.name, JSON.parse(call!.arguments)], ['get_weather', { location: 'San Francisco' }]);
      const output = { type: 'function_call_output' as const, call_id: call!.call_id, output: '18 °C, fog' };
      const next = await ask({ input: [output], tools, previous_response_id: response.id });
      requireAnswer(next);
      assert.match(next.output_text, /18 °C, fog/);
    });

    it('calls one in a stream, too', async () => {
      const stream = openai.responses.stream({ model, input: WEATHER, tools });
      const types: string[] = [];
      for await (const { type } of stream) types.push(type);
      assert.ok(types.includes('response.function_call_arguments.done'), types.join());
      assert.equal(callOf(await stream.finalResponse())?.name, 'get_weather');
    });

    it('takes an image, and says that it cannot see', async () => {
      const content = [
        { type: 'input_text' as const, text: 'What do you see in this image? Answer in one sentence.' },
        { type: 'input_image' as const, image_url: PIXEL, detail: 'auto' as const },
      ];
      const response = await ask({ input: [{ type: 'message', role: 'user', content }] });
      requireAnswer(response);
      assert.match(response.output_text, /cannot see/);
    });

    it('goes on with a conversation that is sent again', async () => {
      const response = await ask({
        input: [
          ...user('My name is Alice.'),
          { type: 'message', role: 'assistant', content: 'Hello Alice! Nice to meet you.' } as never,
          ...user('What is my name?'),
        ],
      });
      requireAnswer(response);
      assert.match(response.output_text, /Alice/);
    });
  });
}
