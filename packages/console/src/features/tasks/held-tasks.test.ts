import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JournalType, Task } from '@reeve/contract';
import type { TaskFilter } from '../../api/tasks.ts';
import { compare, hold, NOTHING_HELD, rowsAbove } from './held-tasks.ts';

const task = (id: string, changes: Partial<Task> = {}): Task =>
  ({ id, status: 'pending', title: 'Water the roses', agent_id: 'a', task_type: 'execute', ...changes }) as Task;
const listOf = (filter: TaskFilter) => ({ filter, isAgent: (named: string) => named === 'a' });
const event = (type: JournalType, of: Task) => ({ type, task: of });

test('a new task is held above the rows, once, and not where it does not match', () => {
  const created = event('task_created', task('n'));
  const held = hold(
    NOTHING_HELD,
    [created, event('task_ready', task('n')), created],
    listOf({ q: 'ROSES', agent: 'assistant' }),
    new Set(['o']),
  );
  assert.deepEqual([held.entered.size, rowsAbove(held)], [1, 1]);
  assert.equal(hold(NOTHING_HELD, [created], listOf({ q: 'tulips' }), new Set()), NOTHING_HELD);
  assert.equal(hold(NOTHING_HELD, [event('task_completed', task('deep'))], listOf({}), new Set()), NOTHING_HELD);
});

test('a row that no longer matches stays and is noted, until it matches again', () => {
  const filter = listOf({ status: 'pending' });
  const shown = new Set(['o']);
  const gone = hold(NOTHING_HELD, [event('task_started', task('o', { status: 'in_progress' }))], filter, shown);
  assert.deepEqual([[...gone.left], rowsAbove(gone)], [['o'], -1]);
  assert.equal(hold(gone, [event('task_returned', task('o'))], filter, shown).left.size, 0);
});

test('a task that came into a status and left it unseen is not held', () => {
  const filter = listOf({ status: 'in_progress' });
  const come = hold(NOTHING_HELD, [event('task_started', task('n', { status: 'in_progress' }))], filter, new Set());
  assert.deepEqual([come.entered.size, rowsAbove(come)], [1, 0]);
  const gone = hold(come, [event('task_completed', task('n', { status: 'completed' }))], filter, new Set());
  assert.equal(gone.entered.size, 0);
});

test('a list read anew is compared with the rows as far as both go', () => {
  const at = (id: string, second: number) => task(id, { created_at: `2026-11-21T10:00:0${second}Z` });
  const held = compare([at('c', 3), at('b', 2), at('a', 1)], [at('d', 4), at('c', 3), at('z', 2)]);
  assert.deepEqual(
    [...held.entered],
    [
      ['d', true],
      ['z', false],
    ],
  );
  assert.deepEqual([...held.left], [], 'a row as old as the last one found may be on the next page');
  assert.deepEqual([...compare([at('c', 3), at('b', 2)], [at('c', 3), at('a', 1)]).left], ['b']);
});
