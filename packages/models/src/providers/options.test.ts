import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';
import type { RemoteProvider } from '../config.ts';
import type { ModelRequest } from '../model.ts';
import { collect, openTest, REMOTES, request, settingsFor, signal } from '../../test/gateway.ts';

let upstream: FakeUpstream;
before(async () => {
  upstream = await startFakeUpstream();
});
afterEach(() => upstream.reset());
after(() => upstream[Symbol.asyncDispose]());

const schema = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};
const tools = [{ name: 'add', description: 'Adds.', inputSchema: { type: 'object', properties: {} } }];

/** A claude of which the package knows that it takes sampling settings and schemas. */
const MODEL: Readonly<Record<RemoteProvider, string>> = {
  openai: 'gpt-4.1',
  anthropic: 'claude-sonnet-4-5',
  google: 'gemini-2.5-flash',
  ollama: 'm',
  'openai-compatible': 'm',
};

async function sent(provider: RemoteProvider, asked: Partial<ModelRequest>): Promise<Record<string, unknown>> {
  upstream.script([{ text: ['{}'] }]);
  const { models } = openTest(settingsFor(provider, upstream.url, { LLM_MODEL: MODEL[provider] }));
  await collect(models.stream({ ...request, ...asked }, signal()));
  return upstream.requests.at(-1)!.body;
}

/** Where each provider wants its settings. */
function settingsOf(provider: RemoteProvider, body: Record<string, unknown>): Record<string, unknown> {
  if (provider === 'ollama') return body.options as Record<string, unknown>;
  return provider === 'google' ? (body.generationConfig as Record<string, unknown>) : body;
}

const NAMES: Readonly<
  Record<RemoteProvider, Readonly<Record<'temperature' | 'topP' | 'stop' | 'seed', string | null>>>
> = {
  // Responses has neither stop nor seed, Anthropic no seed.
  openai: { temperature: 'temperature', topP: 'top_p', stop: null, seed: null },
  anthropic: { temperature: 'temperature', topP: 'top_p', stop: 'stop_sequences', seed: null },
  google: { temperature: 'temperature', topP: 'topP', stop: 'stopSequences', seed: 'seed' },
  ollama: { temperature: 'temperature', topP: 'top_p', stop: 'stop', seed: 'seed' },
  'openai-compatible': { temperature: 'temperature', topP: 'top_p', stop: 'stop', seed: 'seed' },
};
const CHOICES: Readonly<Record<RemoteProvider, readonly [unknown, unknown, unknown, unknown]>> = {
  openai: ['auto', 'none', 'required', { type: 'function', name: 'add' }],
  anthropic: [{ type: 'auto' }, { type: 'none' }, { type: 'any' }, { type: 'tool', name: 'add' }],
  google: [{ mode: 'AUTO' }, { mode: 'NONE' }, { mode: 'ANY' }, { mode: 'ANY', allowedFunctionNames: ['add'] }],
  // It knows none: a call that is to be `none` is offered no tool, and one that is named is offered alone.
  ollama: [undefined, undefined, undefined, undefined],
  'openai-compatible': ['auto', 'none', 'required', { type: 'function', function: { name: 'add' } }],
};

/** The last message as each provider is sent it: “Look” with an image of GIF. */
const IMAGES: Readonly<Record<RemoteProvider, unknown>> = {
  openai: {
    role: 'user',
    content: [
      { type: 'input_text', text: 'Look' },
      { type: 'input_image', image_url: 'data:image/gif;base64,R0lG' },
    ],
  },
  anthropic: {
    role: 'user',
    content: [
      { type: 'text', text: 'Look' },
      { type: 'image', source: { type: 'base64', media_type: 'image/gif', data: 'R0lG' } },
    ],
  },
  google: { role: 'user', parts: [{ text: 'Look' }, { inlineData: { mimeType: 'image/gif', data: 'R0lG' } }] },
  ollama: { role: 'user', content: 'Look', images: ['R0lG'] },
  'openai-compatible': {
    role: 'user',
    content: [
      { type: 'text', text: 'Look' },
      { type: 'image_url', image_url: { url: 'data:image/gif;base64,R0lG' } },
    ],
  },
};

for (const provider of REMOTES) {
  describe(`a request to ${provider}`, () => {
    it('shows an image', async () => {
      const images = [{ mediaType: 'image/gif', data: 'R0lG' }];
      const body = await sent(provider, { messages: [{ role: 'user', text: 'Look', images }] });
      const messages = (body.messages ?? body.input ?? body.contents) as unknown[];
      assert.deepEqual(messages.at(-1), IMAGES[provider]);
    });

    it('carries temperature, top-p, stop and seed where the provider has them', async () => {
      const values = { temperature: 0.3, topP: 0.8, stop: ['END'], seed: 7 } as const;
      for (const [option, name] of Object.entries(NAMES[provider]) as [keyof typeof values, string | null][]) {
        const settings = settingsOf(provider, await sent(provider, { [option]: values[option] }));
        if (name !== null) assert.deepEqual(settings[name], values[option], option);
        for (const other of ['temperature', 'top_p', 'topP', 'stop', 'stop_sequences', 'stopSequences', 'seed'])
          if (other !== name) assert.equal(settings[other], undefined, `${other} for ${option}`);
      }
    });

    it('carries the choice of a tool', async () => {
      const choices = ['auto', 'none', 'required', { tool: 'add' }] as const;
      for (const [index, toolChoice] of choices.entries()) {
        const body = await sent(provider, { tools, toolChoice });
        const config = body.toolConfig as { functionCallingConfig: unknown } | undefined;
        assert.deepEqual(config?.functionCallingConfig ?? body.tool_choice, CHOICES[provider][index]);
      }
    });

    it('carries a JSON Schema for its answer, and the wish for any JSON', async () => {
      const body = await sent(provider, { json: { name: 'place', schema } });
      const text = JSON.stringify(body);
      assert.match(text, /"city":\{"type":"string"\}/);
      assert.match(text, /json_schema|responseJsonSchema|"responseSchema"|input_schema|"format":\{/);
      const any = await sent(provider, { json: {} });
      if (provider === 'openai') assert.deepEqual((any.text as { format: unknown }).format, { type: 'json_object' });
      if (provider === 'google')
        assert.equal((any.generationConfig as Record<string, unknown>).responseMimeType, 'application/json');
      if (provider === 'ollama') assert.equal(any.format, 'json');
      if (provider === 'openai-compatible') assert.deepEqual(any.response_format, { type: 'json_object' });
    });

    it('always carries a limit of the output, since that is what was reserved', async () => {
      assert.match(
        JSON.stringify(await sent(provider, {})),
        /"(max_tokens|max_output_tokens|maxOutputTokens|num_predict)":\d{4,}/,
      );
    });
  });
}
