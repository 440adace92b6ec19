import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changesOf, emptyDraft, scheduleOf } from './schedule-draft.ts';

const draft = { ...emptyDraft('Europe/Berlin'), title: 'Morning', config: '{"a": 1}' };

test('a schedule has a frequency or a cron line, never both', () => {
  const made = (changes: Partial<typeof draft>) => {
    const read = scheduleOf({ ...draft, ...changes });
    assert.ok('schedule' in read);
    return read.schedule;
  };
  assert.deepEqual(made({ when: 'weekly', cron: '0 9 * * 1' }), {
    title: 'Morning',
    agent_id: 'assistant',
    task_type: 'execute',
    frequency: 'weekly',
    cron: null,
    timezone: 'Europe/Berlin',
    catch_up: 'skip',
    enabled: true,
    config: { a: 1 },
  });
  const cron = made({ when: 'cron', cron: '0 9 * * 1', first: '2026-11-21T10:30', scheduleType: 'digest' });
  assert.deepEqual([cron.frequency, cron.cron, cron.schedule_type], [null, '0 9 * * 1', 'digest']);
  assert.equal(cron.next_run_at, new Date('2026-11-21T10:30').toISOString());
});

test('a payload that is no JSON object is held back', () => {
  assert.ok('fault' in scheduleOf({ ...draft, config: '{"a": }' }));
});

test('a change holds only what was changed', () => {
  const read = scheduleOf({ ...draft, title: 'Noon', when: 'cron', cron: '0 12 * * *' });
  assert.ok('schedule' in read);
  assert.deepEqual(changesOf(draft, read.schedule), { title: 'Noon', frequency: null, cron: '0 12 * * *' });
});
