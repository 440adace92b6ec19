import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { startFakeUpstream, type FakeUpstream, type UpstreamReply } from '@reeve/testing/upstream';
import type { RemoteProvider } from '../config.ts';
import {
  collect,
  failure,
  finishOf,
  openTest,
  REMOTES,
  request,
  settingsFor,
  signal,
  textOf,
} from '../../test/gateway.ts';

let upstream: FakeUpstream;
before(async () => {
  upstream = await startFakeUpstream();
});
afterEach(() => upstream.reset());
after(() => upstream[Symbol.asyncDispose]());

const reasonOf = async (provider: RemoteProvider, ...replies: UpstreamReply[]) =>
  (await failure(upstream, provider, replies)).error.reason;

/** The words and codes with which each provider says the same thing. */
const TOO_LONG: Readonly<Record<RemoteProvider, readonly UpstreamReply[]>> = {
  openai: [
    { status: 400, code: 'context_length_exceeded', message: 'Your input exceeds the context window of this model.' },
    { text: [], fault: 'error', code: 'context_length_exceeded', message: 'Your input exceeds the context window.' },
  ],
  anthropic: [
    { status: 400, message: 'prompt is too long: 210000 tokens > 200000 maximum' },
    { status: 400, message: 'input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000' },
    { status: 413, message: 'Request exceeds the maximum size' },
  ],
  google: [
    { status: 400, message: 'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).' },
  ],
  ollama: [{ status: 400, message: 'the input length exceeds the context length' }],
  'openai-compatible': [
    { status: 400, message: "This model's maximum context length is 4096 tokens. However, you requested 5000." },
    { status: 400, code: 'exceed_context_size_error', message: 'the request exceeds the available context size' },
  ],
};

const REFUSED: Readonly<Record<RemoteProvider, readonly UpstreamReply[]>> = {
  openai: [
    { finish: 'content_filter' },
    { status: 400, code: 'invalid_prompt', message: 'Your prompt was flagged as potentially violating our policy.' },
  ],
  anthropic: [{ finish: 'content_filter' }, { status: 400, message: 'Output blocked by content filtering policy' }],
  google: [{ finish: 'content_filter' }, { thinking: ['hm'], finish: 'content_filter' }],
  // It filters nothing.
  ollama: [],
  'openai-compatible': [
    { finish: 'content_filter' },
    { status: 400, code: 'content_filter', message: 'The response was filtered' },
  ],
};

const OVERLOADED: Readonly<Record<RemoteProvider, UpstreamReply>> = {
  openai: { status: 503, message: 'The engine is currently overloaded, please try again later' },
  anthropic: { status: 529, message: 'Overloaded' },
  google: { status: 503, message: 'The model is overloaded. Please try again later.' },
  ollama: { status: 503, message: 'server busy, please try again. maximum pending requests exceeded' },
  'openai-compatible': { status: 503, message: 'no slot free' },
};

const OVERLOADED_CODE: Readonly<Record<Exclude<RemoteProvider, 'ollama'>, string>> = {
  openai: 'server_is_overloaded',
  anthropic: 'overloaded_error',
  google: 'UNAVAILABLE',
  'openai-compatible': 'engine_overloaded',
};

for (const provider of REMOTES) {
  describe(`what ${provider} says`, () => {
    it('is a context that is too long, in each of its wordings', async () => {
      for (const reply of TOO_LONG[provider]) assert.equal(await reasonOf(provider, reply), 'context_too_long');
      assert.equal(upstream.requests.length, TOO_LONG[provider].length, 'not repeated');
    });

    it('is a refusal of the content, also where the answer ends without a text', async () => {
      for (const reply of REFUSED[provider]) assert.equal(await reasonOf(provider, reply), 'content_refused');
      assert.equal(upstream.requests.length, REFUSED[provider].length, 'not repeated');
    });

    it('is that it is overloaded, after three attempts, with the time where it says one', async () => {
      const reply = OVERLOADED[provider];
      const { error, pauses } = await failure(upstream, provider, [
        { ...reply, headers: { 'retry-after': '2' } },
        reply,
        { ...reply, headers: { 'retry-after': '7' } },
      ]);
      assert.equal(error.reason, 'provider_overloaded');
      assert.equal(error.status, 503);
      assert.equal(error.retryAfterMs, 7_000);
      assert.deepEqual(pauses, [2_000, 1_000]);
    });

    if (provider !== 'ollama')
      it('is that it is overloaded in mid-stream, without another attempt', async () => {
        const text = ['one ', 'two ', 'three ', 'four '];
        const code = OVERLOADED_CODE[provider];
        const { error, parts } = await failure(upstream, provider, [
          { text, fault: 'error', code, message: 'Overloaded' },
        ]);
        assert.equal(error.reason, 'provider_overloaded');
        assert.match(textOf(parts), /^one /);
        assert.equal(upstream.requests.length, 1);
      });

    it('is a key that is refused: 401, or 403', async () => {
      for (const status of [401, 403]) {
        const { error } = await failure(upstream, provider, [{ status }]);
        assert.equal(error.reason, 'provider_key_refused');
        assert.equal(error.status, 502, 'the caller’s own key is not meant');
      }
    });

    it('is nothing that can be read', async () => {
      const { error } = await failure(upstream, provider, [{ text: ['a', 'b', 'c', 'd'], fault: 'malformed' }]);
      assert.equal(error.reason, 'malformed_answer');
      assert.match(error.message, /sent an answer that cannot be read/);
    });

    it('is a failure of its own, whatever words it uses', async () => {
      const reply = { status: 500, message: 'maximum context length is unknown: safety system down' };
      assert.equal(await reasonOf(provider, reply, reply, reply), 'upstream_error');
    });
  });
}

it('reads from Gemini’s body when to come back', async () => {
  const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '90s' }];
  const { error, pauses } = await failure(upstream, 'google', [{ status: 429, message: 'Quota exceeded', details }]);
  assert.equal(error.reason, 'rate_limited');
  assert.equal(error.retryAfterMs, 90_000);
  assert.deepEqual(pauses, [], 'longer than 30 s is left to the caller');
});

it('shows a Gemini key error, which is a 400, as a refused key', async () => {
  const message = 'API key not valid. Please pass a valid API key.';
  assert.equal(await reasonOf('google', { status: 400, message }), 'provider_key_refused');
});

it('keeps an answer that was filtered after some text, and says so at its end', async () => {
  for (const provider of REMOTES.filter((name) => name !== 'ollama')) {
    upstream.script([{ text: ['half'], finish: 'content_filter' }]);
    const parts = await collect(openTest(settingsFor(provider, upstream.url)).models.stream(request, signal()));
    assert.equal(textOf(parts), 'half', provider);
    assert.equal(finishOf(parts).reason, 'content_filter', provider);
  }
});
