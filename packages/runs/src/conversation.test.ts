import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cases } from '@reeve/testing/cases';
import { historyOf } from './conversation.ts';

const plan = (id: string, name = 'clock') => ({
  role: 'tool-plan' as const,
  content: JSON.stringify({ tool_call_id: id, name, input: {} }),
});
const output = (id: string, name = 'clock') => ({
  role: 'tool-output' as const,
  content: JSON.stringify({ tool_call_id: id, name, status: 'success', output: 'noon' }),
});
const user = { role: 'user' as const, content: 'What time is it?' };
const placed = <Entry extends object>(entries: readonly Entry[]) =>
  entries.map((entry, index) => ({ ...entry, position: index + 1 }));

describe('the history that a model is shown', () => {
  it('has a call with its outcome', () => {
    assert.deepEqual(historyOf(placed([user, plan('1'), output('1')])), [
      { role: 'user', text: 'What time is it?' },
      { role: 'assistant', text: '', toolCalls: [{ id: '1', name: 'clock', input: {} }] },
      { role: 'tool', toolCallId: '1', name: 'clock', output: 'noon', isError: false },
    ]);
  });

  it('shows what a caller stored of tools as text where it is no whole call', () => {
    const stored = [user, { role: 'tool-output' as const, content: '42' }, output('2'), plan('3')];
    assert.deepEqual(
      historyOf(placed(stored)).map(({ role }) => role),
      ['user', 'user', 'user', 'user'],
    );
  });

  it('says who spoke where a message names it', () => {
    const [said] = historyOf([{ ...user, name: 'Ada', position: 1 }]);
    assert.deepEqual(said, { role: 'user', text: 'Ada: What time is it?' });
  });

  it('never throws, and every call that it shows is answered right once, after it', () => {
    const ids = fc.constantFrom('1', '2', '3');
    const entry = fc.oneof(
      ids.map((id) => plan(id)),
      ids.map((id) => output(id)),
      fc.constant(user),
      fc.record({
        role: fc.constantFrom('user', 'assistant', 'tool-plan', 'tool-output', 'system'),
        content: fc.oneof(fc.string(), fc.json()),
      }),
    );
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 12 }), (entries) => {
        const open: string[] = [];
        for (const message of historyOf(placed(entries))) {
          if (message.role === 'assistant') open.push(...message.toolCalls.map(({ id }) => id));
          if (message.role === 'tool') assert.equal(open.splice(open.indexOf(message.toolCallId), 1).length, 1);
        }
        assert.deepEqual(open, []);
      }),
      cases(200),
    );
  });
});
