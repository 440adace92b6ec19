import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ToolInfo } from '@reeve/contract';
import { environmentNote, toolNote } from './body.ts';

const tool = (of: Partial<ToolInfo>): ToolInfo => ({
  name: 'drill',
  description: 'Drills a hole. Slowly.',
  effect: 'external',
  source: 'builtin',
  input_schema: {},
  available: true,
  breaker: 'closed',
  ...of,
});

describe('what a Body is told', () => {
  it('is a line for each tool: what it does, and why it cannot be used', () => {
    const { text } = toolNote([
      tool({}),
      tool({
        name: 'saw',
        description: 'Saws\n  planks v1.2 and logs',
        available: false,
        unavailable_reason: 'it is blunt',
      }),
      tool({ name: 'lathe', breaker: 'open' }),
      tool({ name: 'long', description: 'x'.repeat(5_000) }),
    ]);
    assert.deepEqual(text.split('\n').slice(2), [
      '- drill: Drills a hole.',
      '- saw: Saws planks v1.2 and logs Cannot be used now: it is blunt.',
      '- lathe: Drills a hole. Fails at present, and is tried again soon.',
      `- long: ${'x'.repeat(200)}`,
    ]);
  });

  it('is a line for each part, without what changes all the time', () => {
    const { text } = environmentNote({
      models: { status: 'ok', message: 'mock', latency_ms: 12 },
      sandbox: { status: 'degraded', message: 'no shell' },
    });
    assert.deepEqual(text.split('\n').slice(2), ['- models: ok, mock', '- sandbox: degraded, no shell']);
  });
});
