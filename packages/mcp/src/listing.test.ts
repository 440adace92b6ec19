import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tool } from '@modelcontextprotocol/client';
import { toolsKept } from './listing.ts';
import { shownUrl, toolName } from './server.ts';

const tool = (name: string, more: Partial<Tool> = {}): Tool => ({ name, inputSchema: { type: 'object' }, ...more });
const nested = (levels: number): object => (levels === 0 ? {} : { properties: { a: nested(levels - 1) } });

describe('a server’s list of tools', () => {
  it('is kept as far as a model can be offered it', () => {
    const kept = toolsKept(
      [],
      [
        tool('plain', { description: `text\0${'x'.repeat(5_000)}`, annotations: { readOnlyHint: true } }),
        tool('plain', { description: 'the same name again' }),
        tool('half\ud800'),
        tool('x'.repeat(129)),
        tool('deep', { inputSchema: { type: 'object', ...nested(40) } }),
        tool('large', { inputSchema: { type: 'object', description: 'x'.repeat(40_000) } }),
        tool('titled', { title: 'Its title', annotations: { idempotentHint: true } }),
      ],
    );
    assert.deepEqual(
      kept.map(({ name, effect, description }) => [name, effect, description.length]),
      [
        ['plain', 'none', 4_000],
        ['titled', 'idempotent', 9],
      ],
    );
    assert.ok(!kept[0]!.description.includes('\0'));
  });

  it('has an end', () => {
    const many = Array.from({ length: 100 }, (_, index) => tool(`tool${index}`));
    const first = toolsKept([], many);
    const more = many.map(({ name }) => tool(`more-${name}`));
    assert.equal(toolsKept(toolsKept(first, many), more).length, 128);
  });
});

describe('the name of a tool', () => {
  it('is the server’s and its own, in what every provider takes, and no two become one', () => {
    assert.equal(toolName('lab', 'read_thing'), 'mcp__lab__read_thing');
    const names = ['a.b', 'a/b', 'a b', 'a_b', 'x'.repeat(128), `${'x'.repeat(127)}y`].map((name) =>
      toolName('lab', name),
    );
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.match(name, /^[A-Za-z0-9_-]{1,64}$/);
  });
});

describe('an address that is shown', () => {
  it('has no value of its query, and no fragment', () => {
    assert.equal(
      shownUrl('https://a.example/mcp?key=s3cr3t&b=&key=x#s3cr3t'),
      'https://a.example/mcp?key=***&b=***&key=***',
    );
  });
});
