import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { memoryRules } from '../care/sensitive.ts';
import { confidenceOf, goalOf, isAlike, isWrong, shapeOf, stepsOf, textOf } from './playbook.ts';

describe('a playbook', () => {
  it('keeps what was called with what, without secrets and cut to size', () => {
    const steps = stepsOf([
      {
        tool: 'http_request',
        input: { url: 'https://a.test/?token=hunter2', headers: { authorization: 'Bearer abcdef' } },
      },
      { tool: 'write_file', input: { path: 'a.txt', content: 'x'.repeat(500), apiKey: 'sk-123456789' } },
      { tool: 'now', input: null },
    ])!;
    assert.doesNotMatch(JSON.stringify(steps), /hunter2|abcdef|sk-1234/);
    assert.deepEqual(
      steps.map(({ tool, args }) => [tool, Object.keys(args)]),
      [
        ['http_request', ['url', 'headers']],
        ['write_file', ['path', 'content', 'apiKey']],
        ['now', ['input']],
      ],
    );
    assert.equal(steps[1]!.args['content'], `${'x'.repeat(200)}…`);
    assert.equal(goalOf('  Send it\n\nwith Bearer abcdef123  '), 'Send it with Bearer ***');
  });

  it('keeps nothing of what the rules of memory are about', () => {
    const rules = memoryRules({ extract: false, secrets: 'refuse', refuse: ['EMP-\\d+'], mask: ['(?i)nightfall'] });
    const steps = stepsOf([{ tool: 'a', input: { q: 'EMP-1 and Nightfall, card 4111 1111 1111 1111' } }], rules);
    assert.deepEqual(steps, [{ tool: 'a', args: { q: '*** and ***, card ***' } }]);
    assert.equal(goalOf('Log in, password: hunter2', rules), 'Log in, password: ***');
  });

  it('is none without calls, or with too many', () => {
    assert.equal(stepsOf([]), undefined);
    assert.equal(stepsOf(Array.from({ length: 21 }, () => ({ tool: 'a', input: {} }))), undefined);
  });

  it('has the shape of its calls, whatever their values and repetitions', () => {
    const shape = (...calls: [string, object][]) => shapeOf(stepsOf(calls.map(([tool, input]) => ({ tool, input })))!);
    assert.equal(
      shape(['a', { x: 1, y: 2 }], ['a', { y: 9, x: 8 }], ['b', {}]),
      shape(['a', { x: 3, y: 4 }], ['b', {}]),
    );
    assert.notEqual(shape(['a', { x: 1 }], ['b', {}]), shape(['b', {}], ['a', { x: 1 }]));
    assert.notEqual(shape(['a', { x: 1 }]), shape(['a', { z: 1 }]));
  });

  it('is alike where half of the words are', () => {
    assert.ok(isAlike('Summarize the sales report of May', 'summarize the sales reports of June'));
    assert.ok(!isAlike('Summarize the sales report', 'Water the plants'));
    assert.ok(isAlike('🦊', '🦊'));
    assert.ok(!isAlike('🦊', '🐻'));
  });

  it('is trusted more with each success, less with each failure, and from 0 to 1', () => {
    const count = fc.integer({ min: 0, max: 10_000 });
    fc.assert(
      fc.property(count, count, (successes, failures) => {
        const confidence = confidenceOf(successes, failures);
        assert.ok(confidence >= 0 && confidence <= 1);
        assert.ok(confidenceOf(successes + 1, failures) > confidence);
        assert.ok(confidenceOf(successes, failures + 1) <= confidence);
      }),
      cases(),
    );
    assert.deepEqual(
      [
        [1, 1],
        [0, 2],
        [2, 2],
        [3, 2],
      ].map(([successes, failures]) => isWrong({ successes: successes!, failures: failures! })),
      [false, true, true, false],
    );
  });

  it('says how often it worked, and how', () => {
    const steps = [{ tool: 'add', args: { a: '1' } }];
    assert.equal(
      textOf({ goal: 'sum it up', steps, successes: 3, failures: 1 }),
      'What worked before (3 of 4 times) for: sum it up\n1. add {"a":"1"}',
    );
  });
});
