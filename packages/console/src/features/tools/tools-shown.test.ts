import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ToolInfo } from '@reeve/contract';
import { sourceWords, stateOf } from './tool-words.ts';
import { sourcesOf, toolsShown } from './tools-shown.ts';

const tool = (name: string, description: string, source = 'builtin'): ToolInfo => ({
  name,
  description,
  effect: 'none',
  source,
  input_schema: {},
  available: true,
  breaker: 'closed',
});
const TOOLS = [
  tool('mcp__lab__put', 'Puts a file.', 'mcp:lab'),
  tool('read_file', 'Reads a text file.'),
  tool('mcp__art__draw', 'Draws.', 'mcp:art'),
];
const names = (tools: readonly ToolInfo[]) => tools.map(({ name }) => name);

test('tools are found by words of their names and descriptions, and by their source', () => {
  assert.deepEqual(names(toolsShown(TOOLS, undefined, undefined)), names(TOOLS));
  assert.deepEqual(names(toolsShown(TOOLS, 'FILE', undefined)), ['mcp__lab__put', 'read_file']);
  assert.deepEqual(names(toolsShown(TOOLS, 'text read_', undefined)), ['read_file']);
  assert.deepEqual(names(toolsShown(TOOLS, 'file', 'mcp:lab')), ['mcp__lab__put']);
  assert.deepEqual(toolsShown(TOOLS, undefined, 'mcp:none'), []);
});

test('sources are each named once, the built-in tools first', () => {
  assert.deepEqual(sourcesOf([...TOOLS, ...TOOLS]), ['builtin', 'mcp:art', 'mcp:lab']);
  assert.deepEqual(sourcesOf(TOOLS).map(sourceWords), ['Built in', 'MCP server art', 'MCP server lab']);
  assert.deepEqual(['extension:dice', 'elsewhere'].map(sourceWords), ['Extension dice', 'elsewhere']);
});

test('a tool that cannot be used is not called available, whatever its circuit says', () => {
  assert.equal(stateOf({ available: false, breaker: 'open' }).status, 'unavailable');
  assert.equal(stateOf({ available: true, breaker: 'open' }).status, 'circuit_open');
  assert.equal(stateOf({ available: true, breaker: 'half_open' }).status, 'degraded');
  assert.equal(stateOf({ available: true, breaker: 'closed' }).status, 'ok');
});
