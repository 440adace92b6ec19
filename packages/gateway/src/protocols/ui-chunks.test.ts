import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NewRunEvent } from '@reeve/contract';
import { again, approval, call, decision, logOf, parked, read, result, stream, text, usage } from '../../test/log.ts';
import { chunksOfRun } from './ui-chunks.ts';

describe('a run as chunks of a UI message', () => {
  const typesOf = async (
    events: readonly NewRunEvent[],
    status?: 'completed' | 'failed' | 'cancelled',
    { waiting = [] as string[], decided = [] as string[] } = {},
  ) => {
    const stillWaits = async (ids: readonly string[]) => ids.some((id) => waiting.includes(id));
    return (await read(chunksOfRun('run', stream(logOf(events, status)), { stillWaits, decided }))).map(
      ({ type }) => type,
    );
  };
  const asking = [text(1, 'a'), usage(1), call(2), approval(2, 'x'), parked];
  const answered = [decision(2, 'x', 'approve'), result(2), text(3, 'b'), usage(3)];

  it('opens a step for each model answer and closes it', async () => {
    assert.deepEqual(await typesOf([text(1, 'a'), usage(1), call(2), result(2), text(3, 'b'), usage(3)], 'completed'), [
      'start',
      'start-step',
      'text-start',
      'text-delta',
      'text-end',
      'tool-input-available',
      'tool-output-available',
      'finish-step',
      'start-step',
      'text-start',
      'text-delta',
      'text-end',
      'finish-step',
      'finish',
    ]);
  });

  it('ends when the run waits for a person', async () => {
    assert.deepEqual((await typesOf(asking, undefined, { waiting: ['x'] })).slice(-4), [
      'tool-input-available',
      'tool-approval-request',
      'finish-step',
      'finish',
    ]);
  });

  it('continues past a wait that is over, and reports the decision', async () => {
    const types = await typesOf([...asking, ...answered], 'completed');
    assert.deepEqual(types.slice(5, 10), [
      'tool-input-available',
      'tool-approval-request',
      'finish-step',
      'tool-approval-response',
      'tool-output-available',
    ]);
    assert.equal(types.at(-1), 'finish');
  });

  it('begins after the decision of its reader, and ends at the next wait', async () => {
    const once = [...asking, ...answered];
    assert.deepEqual((await typesOf(once, 'completed', { decided: ['x'] })).slice(0, 3), [
      'start',
      'tool-output-available',
      'start-step',
    ]);
    const twice = [...once, call(4), approval(4, 'y'), parked];
    const types = await typesOf(twice, undefined, { decided: ['x'], waiting: ['y'] });
    assert.deepEqual(
      [types[1], types.at(-3), types.at(-1)],
      ['tool-output-available', 'tool-approval-request', 'finish'],
    );
  });

  it('shows the outcome of each of several calls that its reader has decided', async () => {
    const both = [...asking, call(3), approval(3, 'y'), parked, decision(2, 'x', 'approve'), result(2, 'success')];
    const log = [...both, decision(3, 'y', 'approve'), result(3, 'success')];
    const types = await typesOf(log, 'completed', { decided: ['x', 'y'] });
    assert.equal(types.filter((type) => type === 'tool-output-available').length, 2);
  });

  it('distinguishes a rejected call from a failed one', async () => {
    const rejected = [...asking, decision(2, 'x', 'reject'), result(2, 'denied')];
    assert.ok((await typesOf(rejected, 'completed')).includes('tool-output-denied'));
    assert.ok((await typesOf([call(2), result(2, 'denied')], 'completed')).includes('tool-output-error'));
  });

  it('takes back a step that is begun again', async () => {
    const types = await typesOf([text(1, 'a'), again(1), text(1, 'b'), usage(1)], 'completed');
    assert.deepEqual(types.slice(3, 6), ['text-delta', 'reset-step', 'text-start']);
  });

  it('ends with an error if the run failed, and as aborted if it was cancelled', async () => {
    assert.equal((await typesOf([], 'failed')).at(-1), 'error');
    assert.equal((await typesOf([text(1, 'a')], 'cancelled')).at(-1), 'abort');
  });
});
