import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cases } from '@reeve/testing/cases';
import type { AnswerPart } from '../backend.ts';
import type { FinishReason, ModelRequest } from '../model.ts';
import { startFakeUpstream } from '@reeve/testing/upstream';
import { collect, openTest, request, settingsFor, signal } from '../../test/gateway.ts';
import { readHabits } from './read-habits.ts';

const tool = (name: string) => ({ name, description: name, inputSchema: { type: 'object' } });
const asked: ModelRequest = { ...request, tools: [tool('calculator'), tool('get_weather')] };

interface Answer {
  readonly thinking: string;
  readonly text: string;
  readonly calls: readonly (readonly [name: string, input: unknown])[];
  readonly reason: FinishReason;
}

async function* partsOf(pieces: readonly string[], reason: FinishReason, thought = ''): AsyncGenerator<AnswerPart> {
  if (thought !== '') yield { type: 'thinking', delta: thought };
  for (const delta of pieces) yield { type: 'text', delta };
  const usage = { inputTokens: 1, outputTokens: 1, cachedTokens: 0, reasoningTokens: 0, estimated: false };
  yield { type: 'finish', reason, usage };
}

async function read(pieces: readonly string[], { of = asked, reason = 'stop' as FinishReason, thought = '' } = {}) {
  const answer = { thinking: '', text: '', calls: [] as [string, unknown][], reason };
  const ids = new Set<string>();
  for await (const part of readHabits(partsOf(pieces, reason, thought), of)) {
    if (part.type === 'text' || part.type === 'thinking') answer[part.type] += part.delta;
    else if (part.type === 'tool_call') {
      ids.add(part.call.id);
      answer.calls.push([part.call.name, part.call.input]);
    } else if (part.type === 'finish') answer.reason = part.reason;
  }
  assert.equal(ids.size, answer.calls.length);
  return answer satisfies Answer;
}

const sum = ['calculator', { expression: '2+2' }] as const;

/** What models write, and what it means; `text` and `thinking` are empty and the reason is `stop` where nothing is said. */
const HABITS: Readonly<Record<string, Partial<Answer> & { readonly written: string }>> = {
  'thinking between tags (DeepSeek R1, Qwen3)': {
    written: '<think>\nTwo and two.\nFour.\n</think>\n\nIt is 4.',
    thinking: 'Two and two.\nFour.\n',
    text: 'It is 4.',
  },
  'thinking that is empty': { written: '<think>\n\n</think>\n\nIt is 4.', text: 'It is 4.' },
  'thinking, then a call': {
    written:
      '<think>I add.</think>\n<tool_call>\n{"name": "calculator", "arguments": {"expression": "2+2"}}\n</tool_call>',
    thinking: 'I add.',
    calls: [sum],
  },
  'a call between tags (Hermes, Qwen 2.5)': {
    written: '<tool_call>\n{"name": "calculator", "arguments": {"expression": "2+2"}}\n</tool_call>',
    calls: [sum],
  },
  'text, then two calls between tags': {
    written:
      'I look at both.\n<tool_call>{"name": "get_weather", "arguments": {"city": "Bern"}}</tool_call>\n<tool_call>{"name": "get_weather", "arguments": {"city": "Rome"}}</tool_call>',
    text: 'I look at both.\n',
    calls: [
      ['get_weather', { city: 'Bern' }],
      ['get_weather', { city: 'Rome' }],
    ],
  },
  'a call as a function with parameters (Qwen3-Coder)': {
    written:
      '<tool_call>\n<function=get_weather>\n<parameter=city>\nBern\n</parameter>\n<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>',
    calls: [['get_weather', { city: 'Bern', days: 3 }]],
  },
  'a call as a function with JSON (Llama 3.1)': {
    written: '<function=calculator>{"expression": "2+2"}</function>',
    calls: [sum],
  },
  'a list of calls (Mistral)': {
    written: '[TOOL_CALLS][{"name": "calculator", "arguments": {"expression": "2+2"}}]',
    calls: [sum],
  },
  'a call with its arguments apart (Mistral)': {
    written: '[TOOL_CALLS]calculator[ARGS]{"expression": "2+2"}',
    calls: [sum],
  },
  'JSON alone (Llama 3.2)': { written: '{"name": "calculator", "parameters": {"expression": "2+2"}}', calls: [sum] },
  'JSON in a fence (Qwen2.5-Coder)': {
    written: '```json\n{\n  "name": "calculator",\n  "arguments": {\n    "expression": "2+2"\n  }\n}\n```',
    calls: [sum],
  },
  'JSON as the API has it': {
    written: '{"type": "function", "function": {"name": "calculator", "arguments": "{\\"expression\\": \\"2+2\\"}"}}',
    calls: [sum],
  },
  'JSON behind a tag (Llama 3.1)': {
    written: '<|python_tag|>{"name": "calculator", "parameters": {"expression": "2+2"}}',
    calls: [sum],
  },
  'a call that was cut': {
    written: '<tool_call>\n{"name": "calculator", "arguments": {"expression": "2+',
    calls: [['calculator', '{"name": "calculator", "arguments": {"expression": "2+']],
  },
  'JSON that names no tool of the request': {
    written: '{"name": "Ada", "arguments": {"for": 1}}',
    text: '{"name": "Ada", "arguments": {"for": 1}}',
  },
  'code that is an answer': {
    written: '```json\n{"name": "Ada"}\n```\nThat is her.',
    text: '```json\n{"name": "Ada"}\n```\nThat is her.',
  },
  'a tag in the middle of an answer': {
    written: 'Write <think> first, then a < b.',
    text: 'Write <think> first, then a < b.',
  },
  'a call that says nothing': { written: 'Use <tool_call>.', text: 'Use <tool_call>.' },
  'plain text': { written: '  It is 4 [sic].\n', text: '  It is 4 [sic].\n' },
};

describe('the habits of local models', () => {
  for (const [habit, { written, thinking = '', text = '', calls = [] }] of Object.entries(HABITS))
    it(`reads ${habit}, in whatever pieces it comes`, async () => {
      const expected = { thinking, text, calls, reason: calls.length > 0 ? 'tool_calls' : 'stop' };
      assert.deepEqual(await read([written]), expected);
      assert.deepEqual(await read([...written]), expected);
      const cuts = fc.array(fc.nat(written.length), { maxLength: 8 });
      await fc.assert(
        fc.asyncProperty(cuts, async (unsorted) => {
          const at = [0, ...unsorted.toSorted((one, other) => one - other), written.length];
          const pieces = at.slice(1).map((end, index) => written.slice(at[index], end));
          assert.deepEqual(await read(pieces), expected);
        }),
        cases(200, 25),
      );
    });

  it('are those of an openai-compatible server; a hosted provider’s text stays as it is', async () => {
    await using upstream = await startFakeUpstream();
    const text = [
      '<thi',
      'nk>I add.</th',
      'ink>\n\n<tool_',
      'call>{"name": "calculator", "arguments": {}}</tool_call>',
    ];
    upstream.respond(() => ({ text }));
    const types = async (provider: 'openai' | 'openai-compatible') => {
      const { models } = openTest(settingsFor(provider, upstream.url));
      return [...new Set((await collect(models.stream(asked, signal()))).map(({ type }) => type))];
    };
    assert.deepEqual(await types('openai-compatible'), ['thinking', 'tool_call', 'finish']);
    assert.deepEqual(await types('openai'), ['text', 'finish']);
  });

  it('takes reasoning for the answer where there is nothing else, unless the model was cut at it', async () => {
    const thought = 'The answer is 4.';
    assert.deepEqual(await read([], { thought }), { thinking: thought, text: thought, calls: [], reason: 'stop' });
    assert.deepEqual(await read([], { thought, reason: 'length' }), {
      thinking: thought,
      text: '',
      calls: [],
      reason: 'length',
    });
    const unclosed = await read(['<think>Four, I th'], { reason: 'length' });
    assert.deepEqual([unclosed.thinking, unclosed.text], ['Four, I th', '']);
  });

  it('passes text on as it comes, and holds back only what may be a call', async () => {
    const seen: string[] = [];
    for await (const part of readHabits(partsOf(['It ', 'is ', '{4} ', '<b>'], 'stop'), asked))
      if (part.type === 'text') seen.push(part.delta);
    assert.deepEqual(seen, ['It ', 'is ', '{4} ', '<b>']);
  });

  it('looks for no calls where no tools are offered, where none may be called, and for none in JSON that was asked for', async () => {
    const written = '{"name": "calculator", "parameters": {"expression": "2+2"}}';
    for (const asking of [request, { ...asked, toolChoice: 'none' as const }, { ...asked, json: {} }])
      assert.deepEqual(await read([written], { of: asking }), {
        thinking: '',
        text: written,
        calls: [],
        reason: 'stop',
      });
  });

  it('loses not a character of whatever is no call', async () => {
    const tokens = [
      '<think>',
      '</think>',
      '<tool_call>',
      '<function=',
      '{"name": ',
      '```json\n',
      'text',
      ' ',
      '\n',
      '}',
      '[',
    ];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...tokens), { maxLength: 12 }), async (pieces) => {
        const { thinking, text, calls } = await read(pieces, { of: request, reason: 'length' });
        const bare = (whole: string) => whole.replace(/<\/?think>|\s/g, '');
        assert.equal(bare(thinking + text), bare(pieces.join('')));
        assert.deepEqual(calls, []);
      }),
      cases(1_000, 100),
    );
  });
});
