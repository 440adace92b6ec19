import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tool } from '@modelcontextprotocol/client';
import { selectOfferableTools } from './listing.ts';
import { redactSecrets } from './secrets.ts';
import { shownUrl, toolName } from './server.ts';

const tool = (name: string, more: Partial<Tool> = {}): Tool => ({ name, inputSchema: { type: 'object' }, ...more });
const redact = redactSecrets({ transport: 'http', url: 'https://a.example/', headers: { 'X-Key': 's3cr3t-key' } });
const nested = (levels: number): object => (levels === 0 ? {} : { properties: { a: nested(levels - 1) } });

describe('a server’s list of tools', () => {
  it('is kept as far as a model can be offered it', () => {
    const kept = selectOfferableTools(
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
      redact,
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
    const first = selectOfferableTools([], many, redact);
    const more = many.map(({ name }) => tool(`more-${name}`));
    assert.equal(selectOfferableTools(selectOfferableTools(first, many, redact), more, redact).length, 128);
  });
});

describe('a server’s list of tools that are large', () => {
  it('takes no more than 512 KiB in all, page by page', () => {
    const large = (page: string) =>
      Array.from({ length: 12 }, (_, index) =>
        tool(`${page}${index}`, { inputSchema: { type: 'object', description: 'x'.repeat(32_000) } }),
      );
    const kept = selectOfferableTools(
      selectOfferableTools([], large('a'), redact),
      [...large('b'), tool('small')],
      redact,
    );
    assert.ok(Buffer.byteLength(JSON.stringify(kept)) <= 512 * 1024);
    assert.deepEqual([kept.length, kept.at(-1)?.name], [17, 'small']);
  });
});

describe('a tool that tells what its server was sent', () => {
  it('is kept without it, and not at all where it is in its name', () => {
    const schema = { type: 'object' as const, properties: { key: { default: 's3cr3t-key' } } };
    const kept = selectOfferableTools(
      [],
      [tool('asks', { description: 'Send s3cr3t-key.', inputSchema: schema }), tool('s3cr3t-key')],
      redact,
    );
    assert.deepEqual(
      kept.map(({ name, description }) => [name, description]),
      [['asks', 'Send ***.']],
    );
    assert.ok(!JSON.stringify(kept).includes('s3cr3t'));
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
