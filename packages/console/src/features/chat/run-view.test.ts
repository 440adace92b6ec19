import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NewRunEvent, RunEvent, RunPhase, Usage } from '@reeve/contract';
import { applyEvent, emptyRunView, type RunView } from './run-view.ts';

const RUN = '019aa3c4-0000-7000-8000-000000000001';
const usage = (tokens: number, cost: string | null): Usage => ({
  input_tokens: tokens,
  output_tokens: tokens,
  total_tokens: 2 * tokens,
  cost_usd: cost,
});
const start: NewRunEvent = { type: 'session_start', session_id: 's', task_id: 't', agent: 'assistant' };
const call: NewRunEvent = {
  type: 'tool_call',
  step: 2,
  tool_call_id: 'c1',
  name: 'calculator',
  input: { expression: '17 * 23' },
};
const settledCall: NewRunEvent = {
  type: 'tool_result',
  step: 2,
  tool_call_id: 'c1',
  name: 'calculator',
  status: 'success',
  output: 391,
  duration_ms: 4,
};
const text = (step: number, delta: string): NewRunEvent => ({ type: 'text', step, delta });
const result = (status: 'completed' | 'failed' | 'cancelled', answer: string | null): NewRunEvent => ({
  type: 'result',
  status,
  result: answer,
  usage: usage(10, '0.01'),
  steps: 3,
  duration_ms: 120,
});

describe('a run seen through its events', () => {
  test('text deltas of a step join, and a later step begins a new piece', () => {
    const view = fold([start, text(1, 'Let me '), text(1, 'see.'), call, settledCall, text(3, 'It is 391.')]);
    assert.deepEqual(
      view.items.map((item) => (item.kind === 'tool' ? item.status : item.text)),
      ['Let me see.', 'success', 'It is 391.'],
    );
    assert.equal(view.agent, 'assistant');
  });

  test('a call that the caller is to make waits until the caller gives its result', () => {
    const asked = fold([start, { ...call, for_caller: true }]);
    const waiting = { type: 'system', phase: 'waiting', waiting_for: 'caller', message: 'waiting' } as const;
    const parked = fold([start, { ...call, for_caller: true }, waiting]);
    const done = fold([start, { ...call, for_caller: true }, waiting, settledCall]);
    assert.deepEqual(
      [asked, parked, done].map(({ items }) => items.map((item) => item.kind === 'tool' && item.status)),
      [['waiting'], ['waiting'], ['success']],
    );
    assert.deepEqual([parked.waiting?.for, done.waiting], ['caller', null]);
  });

  test('thinking and text of one step stay apart', () => {
    const view = fold([start, { type: 'thinking', step: 1, delta: 'hm' }, text(1, 'Hi')]);
    assert.deepEqual(
      view.items.map((item) => item.kind),
      ['thinking', 'text'],
    );
  });

  test('a discarded step loses its streamed text and thinking and nothing else', () => {
    const view = fold([
      start,
      text(1, 'first'),
      call,
      settledCall,
      { type: 'thinking', step: 3, delta: 'hm' },
      text(3, 'half an ans'),
      { type: 'system', message: 'step 3 began again', discard_step: 3 },
      text(3, 'whole answer'),
    ]);
    assert.deepEqual(
      view.items.map((item) => (item.kind === 'tool' ? item.name : item.text)),
      ['first', 'calculator', 'whole answer'],
    );
  });

  test('a tool call is running until its result, which keeps its input', () => {
    const running = fold([start, call]).items[0];
    assert.ok(running?.kind === 'tool' && running.status === 'running');
    const done = fold([start, call, settledCall]).items[0];
    assert.ok(done?.kind === 'tool');
    assert.deepEqual(
      [done.status, done.input, done.output, done.durationMs],
      ['success', { expression: '17 * 23' }, 391, 4],
    );
  });

  test('a tool result without its call still shows', () => {
    assert.equal(fold([start, settledCall]).items.length, 1);
  });

  test('a call begun again under the same id is one card', () => {
    assert.equal(fold([start, call, call, settledCall]).items.length, 1);
  });

  test('repeated and late events change nothing, not even identity', () => {
    const events = numbered([start, text(1, 'a'), text(1, 'b')]);
    const view = events.reduce(applyEvent, emptyRunView(RUN));
    for (const event of events) assert.equal(applyEvent(view, event), view);
  });

  test('events of another run change nothing', () => {
    const view = emptyRunView(RUN);
    const [event] = numbered([start]);
    assert.equal(applyEvent(view, { ...(event as RunEvent), run_id: 'other' }), view);
  });

  test('replaying every prefix twice gives the same view', () => {
    const events = numbered([start, text(1, 'a'), call, settledCall, text(3, 'b'), result('completed', 'b')]);
    const once = events.reduce(applyEvent, emptyRunView(RUN));
    for (let cut = 0; cut <= events.length; cut++) {
      assert.deepEqual([...events.slice(0, cut), ...events].reduce(applyEvent, emptyRunView(RUN)), once);
    }
  });

  test('the result closes what is open and wins over a partial stream', () => {
    const view = fold([
      start,
      call,
      text(3, 'It is'),
      result('completed', 'It is 391.'),
      { type: 'session_end', session_id: 's', status: 'completed' },
    ]);
    assert.deepEqual(
      view.items.map((item) => (item.kind === 'tool' ? item.status : item.text)),
      ['unknown', 'It is 391.'],
    );
    assert.deepEqual(
      [view.status, view.closed, view.durationMs, view.usage?.total_tokens],
      ['completed', true, 120, 20],
    );
  });

  test('a result that nothing streamed shows as text', () => {
    assert.deepEqual(fold([start, result('completed', 'Hello')]).items, [{ kind: 'text', step: 1, text: 'Hello' }]);
  });

  test('a result that is all streamed pieces together does not repeat them', () => {
    const view = fold([start, text(1, 'One. '), call, settledCall, text(3, 'Two.'), result('completed', 'One. Two.')]);
    assert.deepEqual(
      view.items.filter((item) => item.kind === 'text').map((item) => item.text),
      ['One. ', 'Two.'],
    );
  });

  test('a failed run keeps its partial text and says why', () => {
    const view = fold([
      start,
      text(1, 'I was'),
      { type: 'error', message: 'the provider hung up', code: 'upstream_error' },
      result('failed', null),
    ]);
    assert.deepEqual([view.status, view.error?.code, view.items.length], ['failed', 'upstream_error', 1]);
  });

  test('a retried run goes on after its end, without what it had failed of', () => {
    const failed: NewRunEvent[] = [
      start,
      text(1, 'half'),
      { type: 'error', message: 'gone', code: 'upstream_error' },
      result('failed', null),
      { type: 'session_end', session_id: 's', status: 'failed' },
    ];
    const again: NewRunEvent = { type: 'system', message: 'step 1 began again', discard_step: 1 };
    const running = fold([...failed, again, text(1, 'whole')]);
    assert.deepEqual(
      [running.status, running.closed, running.error, running.durationMs, running.items.length],
      ['running', false, null, null, 1],
    );
    const done = fold([
      ...failed,
      again,
      text(1, 'whole'),
      result('completed', 'whole'),
      { type: 'session_end', session_id: 's', status: 'completed' },
    ]);
    assert.deepEqual(
      [done.status, done.closed, done.items],
      ['completed', true, [{ kind: 'text', step: 1, text: 'whole' }]],
    );
  });

  test('a call that people are asked about waits, runs once it is decided, and ends with the run at the latest', () => {
    const asked: NewRunEvent = {
      type: 'approval_required',
      step: 2,
      approval_id: 'q1',
      kind: 'tool_call',
      tool_call_id: 'c1',
      name: 'calculator',
      input: { expression: '17 * 23' },
    };
    const decided: NewRunEvent = {
      type: 'approval_decided',
      step: 2,
      approval_id: 'q1',
      tool_call_id: 'c1',
      decision: 'approve',
      reason: null,
    };
    const parked: NewRunEvent = { type: 'system', message: 'waits for a person', waiting_for: 'approval' };
    const statusOf = (...events: NewRunEvent[]) => {
      const { items } = fold([start, call, ...events]);
      assert.equal(items.length, 1, 'one card, no notices');
      return items[0]?.kind === 'tool' && [items[0].status, items[0].approvalId];
    };
    assert.deepEqual(statusOf(asked), ['waiting', 'q1']);
    assert.deepEqual(statusOf(asked, parked, decided), ['running', 'q1']);
    assert.deepEqual(statusOf(asked, parked, decided, settledCall), ['success', 'q1']);
    assert.deepEqual(statusOf(asked, parked, result('cancelled', null)), ['unknown', 'q1']);
    assert.deepEqual(statusOf({ ...decided, approval_id: 'other' }), ['running', null]);
  });

  test('a run that is put aside says for what until its next event', () => {
    const parked: NewRunEvent = { type: 'system', message: 'the budget has no room', waiting_for: 'budget' };
    assert.deepEqual(fold([start, parked]).waiting, { for: 'budget', message: 'the budget has no room' });
    assert.equal(fold([start, parked]).items.length, 0);
    assert.equal(fold([start, parked, text(1, 'on')]).waiting, null);
  });

  test('what a run says of itself shows, but not that it begins', () => {
    const says = (phase: RunPhase, message: string): NewRunEvent => ({ type: 'system', phase, message });
    const items = fold([
      start,
      says('queued', 'put in line'),
      says('started', 'off it goes'),
      says('retrying', 'once more'),
      says('compacted', 'the first 9 messages were summed up'),
    ]).items;
    assert.deepEqual(items, [{ kind: 'notice', step: 0, text: 'The first 9 messages were summed up.' }]);
  });

  test('a run stored before events had a phase shows what it reported, and not that it began', () => {
    const items = fold([
      start,
      { type: 'system', message: 'started', model: 'mock-1', tools: [] },
      { type: 'system', message: 'step 3 is begun again', discard_step: 3 },
      { type: 'system', message: 'waits for a person', waiting_for: 'approval' },
      { type: 'system', message: 'gave work to clerk', step: 2, child_run_id: 'c' },
      { type: 'system', message: 'the first 9 messages were summed up' },
    ]).items;
    assert.deepEqual(
      items.map((item) => item.kind === 'notice' && item.text),
      ['Gave work to clerk.', 'The first 9 messages were summed up.'],
    );
  });

  test('usage of several model calls adds up, and an unknown price makes the sum unknown', () => {
    const part = (cost: string | null): NewRunEvent => ({ type: 'usage', step: 1, model: 'm', usage: usage(5, cost) });
    assert.deepEqual(fold([start, part('0.1'), part('0.2')]).usage, usage(10, '0.3'));
    assert.equal(fold([start, part('0.1'), part(null)]).usage?.cost_usd, null);
  });
});

function fold(events: NewRunEvent[]): RunView {
  return numbered(events).reduce(applyEvent, emptyRunView(RUN));
}

function numbered(events: NewRunEvent[]): RunEvent[] {
  return events.map(
    (event, index) => ({ ...event, seq: index + 1, run_id: RUN, timestamp: '2026-11-21T10:00:00Z' }) as RunEvent,
  );
}
