import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NewRunEvent, ResponseObject } from '@reeve/contract';
import { silentLog } from '@reeve/kit';
import type { ModelPart } from '@reeve/models';
import { baseOfRun } from './response-base.ts';
import { eventsOfModel, eventsOfRun } from './response-events.ts';
import { again, approval, call, decision, logOf, parked, read, result, stream, text, usage } from '../../test/log.ts';

const base = baseOfRun(
  {
    id: '01900000-0000-7000-8000-000000000001',
    agent: 'assistant',
    created_at: '2026-01-01T00:00:00Z',
    door: 'responses',
  },
  {},
);
const eventful: NewRunEvent[] = [
  { type: 'thinking', step: 1, delta: 'hm' },
  text(1, 'I look.'),
  usage(1),
  call(2),
  call(3),
  approval(3, 'a'),
  result(2),
  parked,
  decision(3, 'a', 'reject'),
  result(3, 'denied'),
  text(4, 'wrong'),
  again(4),
  text(4, 'Seen.'),
  usage(4),
];

describe('a run as the events of a response', () => {
  const eventsOf = (log: ReturnType<typeof logOf>) => read(eventsOfRun(base, stream(log)));
  const responseIn = (events: Awaited<ReturnType<typeof eventsOf>>) => events.at(-1)!['response'] as ResponseObject;

  it('is numbered without gaps, and the same however much of the log there is yet', async () => {
    const whole = await eventsOf(logOf(eventful, 'completed'));
    assert.deepEqual(
      whole.map(({ sequence_number }) => sequence_number),
      whole.map((_, index) => index),
    );
    for (let length = 0; length <= eventful.length; length++) {
      const some = await eventsOf(logOf(eventful.slice(0, length)));
      assert.deepEqual(some, whole.slice(0, some.length));
    }
  });

  it('opens and closes every item once, at its place in the output', async () => {
    const whole = await eventsOf(logOf(eventful, 'completed'));
    const placesOf = (type: string) =>
      whole.filter((event) => event.type === type).map((event) => event['output_index'] as number);
    const { output, status, usage: used } = responseIn(whole);
    assert.equal(status, 'completed');
    assert.equal(used?.total_tokens, 15);
    assert.deepEqual(placesOf('response.output_item.added'), [...output.keys()]);
    assert.deepEqual(
      placesOf('response.output_item.done').toSorted((a, b) => a - b),
      [...output.keys()],
    );
    assert.equal(new Set(output.map(({ id }) => id)).size, output.length);
    assert.deepEqual(
      output.map(({ type, status: each }) => [type, each]),
      [
        ['reasoning', 'completed'],
        ['message', 'completed'],
        ['mcp_call', 'completed'],
        ['mcp_call', 'failed'],
        ['mcp_approval_request', undefined],
        ['message', 'incomplete'],
        ['message', 'completed'],
      ],
    );
  });

  it('retracts the text of a step that is repeated', async () => {
    const { output } = responseIn(await eventsOf(logOf(eventful, 'completed')));
    assert.deepEqual(output[5]!['content'], []);
    assert.deepEqual((output[6]!['content'] as { text: string }[])[0]?.text, 'Seen.');
  });

  it('ends as the run did, and leaves no item open', async () => {
    const failed = await eventsOf(logOf([call(2), { type: 'error', code: 'internal', message: 'oh' }], 'failed'));
    assert.equal(failed.at(-1)?.type, 'response.failed');
    assert.deepEqual(responseIn(failed).error, { code: 'server_error', message: 'oh' });
    assert.equal(responseIn(failed).output[0]?.status, 'incomplete');
    const cancelled = await eventsOf(logOf([text(1, 'a')], 'cancelled'));
    assert.deepEqual([cancelled.at(-1)?.type, responseIn(cancelled).status], ['response.incomplete', 'cancelled']);
  });

  it('of a run that was tried again has one end, the last', async () => {
    const first = logOf([{ type: 'error', code: 'timeout', message: 'slow' }], 'failed');
    const events = await eventsOf([...first, ...logOf([text(2, 'b')], 'completed').slice(1)]);
    assert.deepEqual(
      events.map(({ type }) => type).filter((type) => /completed|failed|created/.test(type)),
      ['response.created', 'response.completed'],
    );
  });
});

describe('a model’s answer as the events of a response', () => {
  const finish: ModelPart = {
    type: 'finish',
    reason: 'stop',
    usage: { inputTokens: 1, outputTokens: 2, cachedTokens: 1, reasoningTokens: 1, estimated: false },
    provider: 'p',
    model: 'm',
    costNano: null,
  };

  it('is kept before its reader hears of the end', async () => {
    const order: string[] = [];
    const keep = async () => void order.push('kept');
    for await (const { type } of eventsOfModel(base, stream([{ type: 'text', delta: 'a' }, finish]), keep, silentLog))
      order.push(type);
    assert.ok(order.indexOf('kept') < order.indexOf('response.completed') && order.includes('kept'), order.join());
  });

  it('is a failed response if it cannot be stored', async () => {
    const keep = () => Promise.reject(new Error('the disk is full'));
    const events = await read(eventsOfModel(base, stream([finish]), keep, silentLog));
    assert.equal(events.at(-1)?.type, 'response.failed');
    assert.doesNotMatch(JSON.stringify(events), /disk/);
  });
});
