import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '@reeve/kit';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import type { ContextItem, ModelMessage, ModelPart, ModelRequest, ToolDefinition } from '../model.ts';
import { openModels } from '../open.ts';
import { readSettings } from '../../test/gateway.ts';

const TOOLS = [
  'calculator',
  'run_code',
  'bash_execute',
  'remember',
  'recall',
  'write_file',
  'read_file',
  'edit_file',
  'glob_files',
  'current_time',
];
const tools: readonly ToolDefinition[] = TOOLS.map((name) => ({ name, description: '', inputSchema: {} }));
const model = openModels(readSettings({}), silentLog);

interface Options {
  readonly earlier?: readonly ModelMessage[];
  readonly context?: readonly ContextItem[];
  readonly tools?: readonly ToolDefinition[];
  readonly json?: ModelRequest['json'];
}

async function turn(messages: readonly ModelMessage[], options: Options = {}): Promise<ModelPart[]> {
  const request: ModelRequest = {
    model: null,
    system: '',
    context: options.context ?? [],
    messages,
    tools: options.tools ?? tools,
    ...(options.json !== undefined && { json: options.json }),
  };
  const parts: ModelPart[] = [];
  for await (const part of model.stream(request, new AbortController().signal)) parts.push(part);
  return parts;
}

const textOf = (parts: readonly ModelPart[]) => parts.map((part) => (part.type === 'text' ? part.delta : '')).join('');
const user = (text: string): ModelMessage => ({ role: 'user', text });
const assistant = (text: string): ModelMessage => ({ role: 'assistant', text, toolCalls: [] });

type Run = (name: string, input: Record<string, unknown>) => unknown;

/** Runs turns until the model answers, as the engine does; `run` is the tools, and throws where one fails. */
async function converse(
  text: string,
  run: Run,
  options: Options = {},
): Promise<{ calls: unknown[]; answer: string; ids: string[] }> {
  const messages: ModelMessage[] = [...(options.earlier ?? []), user(text)];
  const calls: unknown[] = [];
  const ids: string[] = [];
  for (let count = 0; count < 100; count += 1) {
    const parts = await turn(messages, options);
    const call = parts.find((part) => part.type === 'tool_call')?.call;
    if (call === undefined) return { calls, answer: textOf(parts), ids };
    calls.push([call.name, call.input]);
    ids.push(call.id);
    messages.push({ role: 'assistant', text: textOf(parts), toolCalls: [call] });
    const result = (() => {
      try {
        return { output: run(call.name, call.input as Record<string, unknown>), isError: false };
      } catch (error) {
        return { output: { error: (error as Error).message }, isError: true };
      }
    })();
    messages.push({ role: 'tool', toolCallId: call.id, name: call.name, ...result });
  }
  assert.fail('no answer within 100 turns');
}

describe('a request for tools', () => {
  it('is answered in a sentence from the result', async () => {
    const { calls, answer } = await converse('what is 12*(3+4)?', () => 84);
    assert.deepEqual(calls, [['calculator', { expression: '12 * (3 + 4)' }]]);
    assert.equal(answer, '12 * (3 + 4) = 84.');
  });

  it('becomes one call a turn, made in order, and an answer from all results', async () => {
    const files = new Map<string, string>();
    const run: Run = (name, input) => {
      if (name === 'calculator') return { result: 5 };
      if (name === 'write_file') return void files.set(input.path as string, input.content as string);
      return { content: files.get(input.path as string) };
    };
    const { calls, answer, ids } = await converse(
      'calculate 2+3 and then write the result to a.txt then read a.txt',
      run,
    );
    assert.deepEqual(
      calls.map((call) => (call as [string])[0]),
      ['calculator', 'write_file', 'read_file'],
    );
    assert.deepEqual(ids, ['call_1', 'call_2', 'call_3']);
    assert.equal(files.get('a.txt'), '5');
    assert.equal(answer, '2 + 3 = 5.\nI wrote a.txt.\na.txt contains:\n5');
  });

  it('reports a failed tool as failed and goes on', async () => {
    const run: Run = (name) => {
      if (name === 'read_file') throw new Error('no such file: b.txt');
      return 2;
    };
    const { calls, answer } = await converse('read b.txt; calculate 1+1', run);
    assert.equal(calls.length, 2);
    assert.equal(answer, 'I could not read b.txt: no such file: b.txt\n1 + 1 = 2.');
  });

  it('uses only offered tools, and says what it lacks', async () => {
    const { calls, answer } = await converse('calculate 1+1 and read a.txt', () => 2, { tools: tools.slice(0, 1) });
    assert.deepEqual(calls, [['calculator', { expression: '1 + 1' }]]);
    assert.match(
      answer,
      /^1 \+ 1 = 2\.\nFor the rest I would have to read files, and no tool for it is offered to me here\.$/,
    );
  });

  it('shows what a failed command said', async () => {
    const parts = await turn([
      user('run this command: cat x'),
      { role: 'assistant', text: '', toolCalls: [{ id: 'call_1', name: 'bash_execute', input: {} }] },
      {
        role: 'tool',
        toolCallId: 'call_1',
        name: 'bash_execute',
        output: { error: 'exit code 1', stderr: 'cat: x: No such file' },
        isError: true,
      },
    ]);
    assert.equal(textOf(parts), 'The command failed: exit code 1\ncat: x: No such file');
  });

  it('stops where a call needs the result of one that failed', async () => {
    const { calls, answer } = await converse('calculate 1/0 and write the result to a.txt', () => {
      throw new Error('division by zero');
    });
    assert.equal(calls.length, 1);
    assert.equal(
      answer,
      'I could not calculate 1 / 0: division by zero\nI stopped there, because what comes next needs that result.',
    );
  });

  it('calculates by itself where no tool is offered for it, and says what else it would take', async () => {
    const { answer } = await converse(
      'calculate 6*7 and write the result to a.txt',
      () => assert.fail('a tool was called'),
      { tools: [] },
    );
    assert.equal(
      answer,
      '6 * 7 = 42.\nFor the rest I would have to write files, and no tool for it is offered to me here.',
    );
  });

  it('names its input as the tool’s schema does', async () => {
    const schema = { type: 'object', properties: { file_path: {}, old_string: {}, new_string: {} } };
    const { calls } = await converse('replace a with b in c.txt', () => 'ok', {
      tools: [{ name: 'edit_file', description: '', inputSchema: schema }],
    });
    assert.deepEqual(calls, [['edit_file', { file_path: 'c.txt', old_string: 'a', new_string: 'b' }]]);
  });

  it('numbers its calls on from those of the session', async () => {
    const earlier: ModelMessage[] = [
      user('calculate 1+1'),
      { role: 'assistant', text: '', toolCalls: [{ id: 'call_1', name: 'calculator', input: {} }] },
      { role: 'tool', toolCallId: 'call_1', name: 'calculator', output: 2, isError: false },
      assistant('1 + 1 = 2.'),
    ];
    const { ids, answer } = await converse('calculate 2+2', () => 4, { earlier });
    assert.deepEqual(ids, ['call_2']);
    assert.equal(answer, '2 + 2 = 4.');
  });

  for (const [request, output, expected] of [
    ['run this: 1+1', { result: 2, stdout: 'hi\n', stderr: '' }, 'The code gave: 2\nIt printed:\nhi'],
    [
      'run this command: false',
      { stdout: '', stderr: 'bad', exit_code: 1 },
      'On standard error:\nbad\nIts exit code was 1.',
    ],
    ['remember that I like tea', { id: '1' }, 'I will remember: I like tea'],
    [
      'what do you know about tea?',
      { memories: [{ text: 'I like tea', score: 1 }] },
      'About tea I remember:\n- I like tea',
    ],
    ['what do you know about tea?', { matches: [] }, 'I remember nothing about tea.'],
    ['list files matching *.md', { files: ['a.md', 'b.md'] }, '2 files match *.md: a.md, b.md.'],
    ['list files', [], 'There are no files.'],
    ['list my files', { files: ['a.md', 'b.md'] }, 'There are 2 files: a.md, b.md.'],
    ['what time is it?', { iso: '2026-11-21T12:00:00Z', timezone: 'UTC' }, 'It is 2026-11-21T12:00:00Z, UTC.'],
    [
      'what time is it in Tokyo',
      { iso: '2026-11-25T19:20:30+09:00', timezone: 'Asia/Tokyo', weekday: 'Wednesday' },
      'It is 19:20 on Wednesday, November 25, 2026 (Asia/Tokyo, UTC+09:00).',
    ],
    [
      'what time is it in Bern?',
      { iso: '2026-11-05T10:20:30+00:00', timezone: 'UTC', weekday: 'Thursday' },
      'I do not know the time zone of Bern. It is 10:20 on Thursday, November 5, 2026 (UTC).',
    ],
    ['15 % of 240', { result: 36 }, '15 % of 240 = 36.'],
    ['create a todo list: buy milk, call Ada', { path: 'todo.md' }, 'I wrote todo.md.'],
    ['read a.txt', '', 'a.txt is empty.'],
    ['replace x with y in a.txt', { replaced: 1 }, 'I replaced “x” with “y” in a.txt.'],
  ] as const) {
    it(`answers ${JSON.stringify(request)} with ${JSON.stringify(expected)}`, async () => {
      assert.equal((await converse(request, () => output)).answer, expected);
    });
  }
});

describe('a request without tools', () => {
  const answer = async (text: string, options: Options = {}) =>
    (await converse(text, () => assert.fail('a tool was called'), options)).answer;
  const session = [
    user('My name is Ada and I live in Paris.'),
    assistant('Noted.'),
    user('The launch code word is bluebird.'),
    assistant('Noted.'),
  ];

  for (const [question, expected] of [
    ['what is my name?', 'Your name is Ada.'],
    ['Where do I live?', 'You live in Paris.'],
    ['What is the launch code word?', 'The launch code word is bluebird.'],
    ['what did I say first?', 'The first thing you said in this session was: “My name is Ada and I live in Paris.”'],
    ['what did I say before?', 'The last thing you said before this was: “The launch code word is bluebird.”'],
    [
      'summarize',
      'You have said 2 things in this session:\n- My name is Ada and I live in Paris.\n- The launch code word is bluebird.',
    ],
  ] as const) {
    it(`answers ${JSON.stringify(question)} from the session`, async () =>
      assert.equal(await answer(question, { earlier: session }), expected));
  }

  it('says back what it was told', async () => {
    assert.equal(await answer('My name is Ada.'), 'Noted for this session: your name is Ada.');
  });

  it('quotes the retrieved item that matches best, with its source', async () => {
    const context = [
      { source: 'cats.md', text: 'Cats sleep a lot. They purr.' },
      {
        source: 'billing.md',
        text: 'We are closed on Mondays. Invoices are sent on the first day of a month. Pay within 30 days.',
      },
    ];
    assert.equal(
      await answer('When are invoices sent?', { context }),
      'billing.md says: “Invoices are sent on the first day of a month. Pay within 30 days.”',
    );
  });

  it('does not pretend to know what nobody told it, and says how to connect a real model', async () => {
    const text = await answer('Who won the world cup in 1998?', {
      context: [{ source: 'cats.md', text: 'Cats sleep.' }],
    });
    assert.match(text, /built-in model/);
    assert.match(text, /LLM_PROVIDER/);
    assert.doesNotMatch(text, /France/);
  });

  it('says what it can do, and offers no ability whose tool it has not', async () => {
    assert.match(await answer('What can you do?'), /- calculate \(.*\n- run JavaScript \(/);
    const alone = await answer('Who are you?', { tools: [] });
    assert.match(alone, /- calculate /);
    assert.doesNotMatch(alone, /JavaScript|files/);
  });

  const questions: readonly (readonly [question: string, answer: RegExp])[] = [
    ['hi', /^Hello\. I am Reeve’s built-in model/],
    ['what can you do', /^I am Reeve’s built-in model.*\n- calculate/],
    ['summarize: Cats sleep. Dogs bark.', /^In short: Cats sleep\. Dogs bark\.$/],
    ['summarize this text:\n- cats sleep\n- dogs bark', /^In short:\n- cats sleep\n- dogs bark$/],
    ['list my files', /^For that I would have to list files, and no tool/],
    ['what time is it in Tokyo', /^For that I would have to tell the time, and no tool/],
    ['15 % of 240', /^15 % of 240 = 36\.$/],
    ['2+2', /^2 \+ 2 = 4\.$/],
    ['create a todo list', /^What should be on the list\?/],
    ['create a todo list: buy milk, call Ada and pay', /^- \[ \] buy milk\n- \[ \] call Ada\n- \[ \] pay\s*$/],
    [
      'plan a trip to Rome',
      /^I cannot answer that: I am Reeve’s built-in model, a stand-in without a language model\. I can calculate; .*\nTo connect a language model, set LLM_PROVIDER/,
    ],
    ['is 97 prime', /^Yes, 97 is a prime number\.$/],
    ['is 91 a prime number?', /^No, 91 is not a prime number: it is 7 × 13\.$/],
    ['is 1 prime?', /^No: 1 is not a prime number/],
    ['fetch https://example.com', /^For that I would have to read pages of the web, and no tool/],
  ];
  for (const [question, expected] of questions)
    it(`answers “${question}” where no tool is offered`, async () =>
      assert.match(await answer(question, { tools: [] }), expected));

  it('says what it can do with the tools where it cannot answer', async () => {
    assert.match(await answer('plan a trip to Rome'), / I can calculate, run JavaScript, .* and tell the time; /);
  });

  it('is answered in JSON where that is asked for, with what is known of its properties', async () => {
    const properties = { name: { type: 'string' }, age: { type: 'integer' }, color: { type: 'string' } };
    const schema = { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
    const json = async (question: string, asked: NonNullable<ModelRequest['json']>) =>
      JSON.parse(await answer(question, { json: asked, tools: [] })) as unknown;
    assert.deepEqual(await json('My name is Ada and my age is 36.', { schema }), { name: 'Ada', age: 36, color: '' });
    const earlier = [user('My name is Ada. I like blue.'), assistant('Noted.')];
    const choice = {
      ...schema,
      properties: { name: { type: 'string' }, color: { enum: ['red', 'blue'] } },
      required: ['name', 'color'],
    };
    const said = await answer('Give me that as JSON', { json: { schema: choice }, tools: [], earlier });
    assert.deepEqual(JSON.parse(said), { name: 'Ada', color: 'blue' });
    const sum = { type: 'object', properties: { answer: { type: 'number' } }, required: ['answer'] };
    assert.deepEqual(await json('What is 17 * 3?', { schema: sum }), { answer: 51 });
    assert.deepEqual(await json('2 + 2', {}), { answer: '2 + 2 = 4.' });
    await assert.rejects(json('hello', { schema: { not: {} } }), { reason: 'invalid_request', message: /satisfy not/ });
  });
});

describe('the stream', () => {
  it('is one line of thinking, then text in words, then a finish with an estimate of the usage', async () => {
    const parts = await turn([user('hello')]);
    assert.deepEqual(
      parts.slice(0, 3).map(({ type }) => type),
      ['thinking', 'text', 'text'],
    );
    assert.ok(parts[0]?.type === 'thinking' && !parts[0].delta.includes('\n'));
    const finish = parts.at(-1);
    assert.ok(finish?.type === 'finish');
    assert.equal(finish.reason, 'stop');
    assert.equal(finish.model, 'mock');
    assert.ok(finish.usage.outputTokens > 10 && finish.usage.inputTokens > 10);
  });

  it('stops at the output limit and says so', async () => {
    const request: ModelRequest = {
      model: 'mock/mock',
      system: '',
      context: [],
      messages: [user('hello')],
      tools: [],
      maxOutputTokens: 2,
    };
    const parts = await Array.fromAsync(model.stream(request, new AbortController().signal));
    assert.equal(textOf(parts), 'Hello. I');
    assert.equal(parts.findLast((part) => part.type === 'finish')?.reason, 'length');
  });

  it('ends with cancelled when the signal is aborted', async () => {
    const request: ModelRequest = { model: null, system: '', context: [], messages: [user('hello')], tools: [] };
    await assert.rejects(Array.fromAsync(model.stream(request, AbortSignal.abort())), { reason: 'cancelled' });
  });

  it('refuses a model that it is not', async () => {
    const request: ModelRequest = { model: 'gpt-5', system: '', context: [], messages: [user('hello')], tools: [] };
    await assert.rejects(Array.fromAsync(model.stream(request, new AbortController().signal)), {
      reason: 'invalid_request',
      message: /no model "gpt-5" here/,
    });
  });
});

const fragment = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    'calculate ',
    '2+3',
    ' and then ',
    'write file a.txt with content ',
    'read a.txt',
    '```',
    '```js\n',
    '"',
    "'",
    '; ',
    '\n',
    'remember that ',
    'what is my ',
    'my name is ',
    'summarize',
    'replace a with b in c.txt',
    'list files *.md',
    'what time is it in ',
    '(',
    '*',
    '1,000',
    '. ',
    '15% of ',
    'run this: ',
  ),
);
const requestText = fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join(''));
const message: fc.Arbitrary<ModelMessage> = fc.oneof(
  requestText.map(user),
  fc.record({
    role: fc.constant('assistant' as const),
    text: requestText,
    toolCalls: fc.array(
      fc.record({
        id: fc.constantFrom('call_1', 'call_2', 'x'),
        name: fc.constantFrom(...TOOLS),
        input: fc.jsonValue(),
      }),
      { maxLength: 2 },
    ),
  }),
  fc.record({
    role: fc.constant('tool' as const),
    toolCallId: fc.constantFrom('call_1', 'call_2', 'x'),
    name: fc.constantFrom(...TOOLS),
    output: fc.oneof(fc.jsonValue(), fc.constant(undefined)),
    isError: fc.boolean(),
  }),
);

it('never throws, ends with exactly one finish and gives the same stream for the same request', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(message, { maxLength: 8 }),
      fc.array(fc.record({ text: requestText, source: fc.string() }), { maxLength: 3 }),
      fc.subarray([...tools]),
      async (messages, context, offered) => {
        const first = await turn(messages, { context, tools: offered });
        assert.deepEqual(await turn(messages, { context, tools: offered }), first);
        assert.equal(first.filter(({ type }) => type === 'finish').length, 1);
        assert.equal(first.at(-1)!.type, 'finish');
        const call = first.find((part) => part.type === 'tool_call')?.call;
        if (call !== undefined) {
          assert.ok(offered.some(({ name }) => name === call.name));
          assert.ok(
            !messages.some((one) => one.role === 'assistant' && one.toolCalls.some(({ id }) => id === call.id)),
            'the id is new',
          );
        }
      },
    ),
    cases(500),
  );
});

it('answers 200,000 characters of hostile text within a second each', async () => {
  const units = [
    'a',
    '1',
    '1+',
    '(',
    '"',
    "'a",
    '`',
    '```',
    '; ',
    '\n',
    '\n1. ',
    ' and ',
    ' then add 1',
    '. calculate 1+1',
    'write file ',
    'replace a with b in ',
    ' with ',
    ' in ',
    ', ',
    '1,000',
    'what is ',
    'my x is y and ',
    '- ',
    '```js\n1\n```\n',
    '😀',
    '\u0000',
    '\ud800',
    '   ',
    'a.b',
    'sqrt(',
    "i've ",
    '%',
  ];
  for (const prefix of [
    '',
    'write file a.txt with content ',
    'calculate ',
    'remember that ',
    'replace x with ',
    'summarize this: ',
    'save ',
  ]) {
    for (const unit of units) {
      const text = (prefix + unit.repeat(200_000)).slice(0, 200_000);
      for (const offered of [tools, []]) {
        const before = process.threadCpuUsage();
        await turn([user(text), assistant(text), user(text)], { tools: offered, context: [{ text, source: 's' }] });
        const took = process.threadCpuUsage(before).user / 1_000;
        assert.ok(took < 1_000, `${JSON.stringify(prefix + unit)} took ${Math.round(took)} ms`);
      }
    }
  }
});
