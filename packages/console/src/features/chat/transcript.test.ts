import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '@reeve/contract';
import { turnsOf, withRuns } from './transcript.ts';

const A = '019aa3c4-0000-7000-8000-00000000000a';
const B = '019aa3c4-0000-7000-8000-00000000000b';

test('the messages of a run are one turn, its tool plan and output one card', () => {
  const [turn, ...others] = turnsOf(
    messages([
      ['user', 'What is 17 × 23?', A],
      ['tool-plan', '{"tool_call_id":"c1","name":"calculator","input":{"expression":"17*23"}}', A],
      ['tool-output', '{"tool_call_id":"c1","name":"calculator","status":"success","output":391}', A],
      ['assistant', 'It is 391.', A],
    ]),
  );
  assert.equal(others.length, 0);
  assert.equal(turn?.prompt, 'What is 17 × 23?');
  assert.deepEqual(
    turn.items.map((item) => item.kind),
    ['tool', 'text'],
  );
  const tool = turn.items[0];
  assert.ok(tool?.kind === 'tool');
  assert.deepEqual(
    [tool.name, tool.status, tool.input, tool.output],
    ['calculator', 'success', { expression: '17*23' }, 391],
  );
});

test('two runs are two turns, and messages without a run turn at each user message', () => {
  const turns = turnsOf(
    messages([
      ['user', 'a', A],
      ['assistant', 'b', A],
      ['user', 'c', B],
      ['user', 'd', null],
      ['assistant', 'e', null],
      ['user', 'f', null],
    ]),
  );
  assert.deepEqual(
    turns.map((turn) => [turn.runId, turn.prompt, turn.items.length]),
    [
      [A, 'a', 1],
      [B, 'c', 0],
      [null, 'd', 1],
      [null, 'f', 0],
    ],
  );
  assert.equal(new Set(turns.map((turn) => turn.key)).size, turns.length);
});

test('a page that begins in the middle of a run still shows what it has', () => {
  const [turn] = turnsOf(
    messages([['tool-output', '{"tool_call_id":"c9","name":"read_file","status":"error","output":"no such file"}', A]]),
  );
  const tool = turn?.items[0];
  assert.ok(tool?.kind === 'tool');
  assert.deepEqual([turn?.prompt, tool.name, tool.status, tool.input], [null, 'read_file', 'error', null]);
});

test('tool messages that are no JSON are shown as they are', () => {
  const [turn] = turnsOf(
    messages([
      ['tool-plan', 'free text', A],
      ['tool-output', '[1]', A],
    ]),
  );
  assert.deepEqual(
    turn?.items.map((item) => item.kind === 'tool' && [item.status, item.input, item.output]),
    [
      ['unknown', 'free text', null],
      ['unknown', null, '[1]'],
    ],
  );
});

test('runs without messages come last, oldest first, and none twice', () => {
  const turns = withRuns(turnsOf(messages([['user', 'a', A]])), [
    run('z', 'third', 3),
    run(B, 'second', 2),
    run(A, 'a', 1),
  ]);
  assert.deepEqual(
    turns.map((turn) => turn.prompt),
    ['a', 'second', 'third'],
  );
});

test('what a fork shares is of one turn with it', () => {
  const turns = turnsOf(
    messages([
      ['user', 'first', B],
      ['tool-plan', '{"tool_call_id":"c1","name":"calculator","input":{}}', A],
      ['tool-output', '{"tool_call_id":"c1","name":"calculator","status":"success","output":1}', A],
      ['assistant', 'one', B],
    ]),
  );
  assert.deepEqual(
    turns.map((turn) => [turn.runId, turn.items.length]),
    [[B, 2]],
  );
});

test('what is said to a run under way stands where it was said', () => {
  const [turn] = turnsOf(
    messages([
      ['user', 'first', A],
      ['assistant', 'one', A],
      ['user', 'and then?', A],
      ['assistant', 'two', A],
    ]),
  );
  assert.equal(turn?.prompt, 'first');
  assert.deepEqual(
    turn?.items.map((item) => [item.kind, item.kind === 'tool' ? '' : item.text]),
    [
      ['text', 'one'],
      ['said', 'and then?'],
      ['text', 'two'],
    ],
  );
});

test('a run that the next message had forgotten is no turn, one that was only stopped is', () => {
  const stopped = { ...run(A, 'stopped', 1), status: 'cancelled' as const };
  const shown = (multitask: 'enqueue' | 'interrupt' | 'rollback', begun = true) =>
    withRuns(
      [],
      [stopped, { ...run(B, 'next', 2), multitask, ...(!begun && { status: 'queued' as const, started_at: null }) }],
    ).map((turn) => turn.prompt);
  assert.deepEqual(shown('rollback'), ['next']);
  assert.deepEqual(shown('rollback', false), ['stopped', 'next'], 'not before the next one has begun');
  assert.deepEqual(shown('interrupt'), ['stopped', 'next']);
  assert.deepEqual(shown('enqueue'), ['stopped', 'next']);
});

function run(id: string, input: string, second: number): Parameters<typeof withRuns>[1][number] {
  const created_at = `2026-11-21T10:00:0${second}Z`;
  return { id, input, created_at, started_at: created_at, status: 'completed', multitask: 'enqueue' };
}

function messages(rows: [Message['role'], string, string | null][]): Message[] {
  return rows.map(([role, content, runId], index) => ({
    position: index + 1,
    role,
    content,
    name: null,
    run_id: runId,
    created_at: '2026-11-21T10:00:00Z',
  }));
}
