import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applyPatch, changedFields, requireKnown } from './agent.ts';
import { assistant } from './assistant.ts';

describe('a patch', () => {
  it('replaces the fields it has, whole, and no others', () => {
    const patched = applyPatch(
      { ...assistant, metadata: { a: 1 } },
      { metadata: { b: 2 }, model_id: null, tools: ['recall', 'recall'] },
    );
    assert.deepEqual(patched, { ...assistant, metadata: { b: 2 }, tools: ['recall'] });
    assert.deepEqual(changedFields(assistant, patched), ['tools', 'metadata']);
  });
});

describe('a configuration', () => {
  it('names only what is known', () => {
    const known = { tools: ['a', 'b'], skills: ['web', 'code'], model: (id: string) => id === 'm' };
    requireKnown({ tools: ['b'], approvals: ['a'], skills: ['web'], model_id: 'm' }, known);
    requireKnown({ model_id: null }, known);
    assert.throws(() => requireKnown({ tools: ['a', 'x'], approvals: ['y'], model_id: 'z' }, known), {
      reason: 'invalid_request',
      message: 'tools.1 names no known tool: x; known are a, b',
      details: [
        { path: 'tools.1', message: 'names no known tool: x' },
        { path: 'approvals.0', message: 'names no known tool: y' },
        { path: 'model_id', message: 'names no known model: z' },
      ],
    });
    assert.throws(() => requireKnown({ skills: ['code', 'a'] }, known), {
      message: 'skills.1 names no known skill: a; known are code, web',
    });
  });
});
