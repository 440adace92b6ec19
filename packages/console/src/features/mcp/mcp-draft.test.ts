import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { McpServer } from '@reeve/contract';
import {
  changesOf,
  draftOf,
  emptyMcp,
  KEPT,
  placeRowFaults,
  rowFaults,
  serverOf,
  withRow,
  type ValueDraft,
} from './mcp-draft.ts';

const SERVER: McpServer = {
  id: '019aa3c4-0000-7000-8000-000000000001',
  tenant_id: 'default',
  name: 'lab',
  transport: 'http',
  url: 'https://lab.example/mcp?key=***',
  headers: { Authorization: KEPT, 'X-Team': KEPT },
  command: null,
  args: [],
  env: {},
  enabled: true,
  timeout_ms: 60_000,
  tool_count: 0,
  protocol_version: null,
  server_name: null,
  server_version: null,
  breaker: 'closed',
  listed_at: null,
  checked_at: null,
  last_error: null,
  created_by: 'ada',
  created_at: '2026-11-22T10:00:00Z',
  updated_at: '2026-11-22T10:00:00Z',
};
const before = draftOf(SERVER);
const [authorization, team] = before.headers as [ValueDraft, ValueDraft];

test('a new server has the headers that have a name', () => {
  const headers = withRow([{ key: 3, name: ' X-Key ', value: 's' }]);
  assert.deepEqual(serverOf({ ...emptyMcp, name: ' lab ', url: ' https://lab.example ', headers, timeoutMs: '' }), {
    name: 'lab',
    url: 'https://lab.example',
    headers: { 'X-Key': 's' },
    enabled: true,
  });
});

test('only what is changed is sent', () => {
  assert.deepEqual(changesOf(SERVER, before), {});
  assert.deepEqual(changesOf(SERVER, { ...before, timeoutMs: 5_000, enabled: false }), {
    timeout_ms: 5_000,
    enabled: false,
  });
});

test('headers that are taken out are named, and those that stay keep what is not shown', () => {
  assert.deepEqual(changesOf(SERVER, { ...before, headers: [authorization] }), {
    headers: { Authorization: KEPT, 'X-Team': null },
  });
  assert.deepEqual(changesOf(SERVER, { ...before, headers: [{ ...authorization, value: 'Bearer new' }, team] }), {
    headers: { Authorization: 'Bearer new', 'X-Team': KEPT },
  });
});

test('a server that moves takes its headers along only by name, so that none is lost unseen', () => {
  assert.deepEqual(changesOf(SERVER, { ...before, url: 'https://other.example/mcp' }), {
    url: 'https://other.example/mcp',
    headers: { Authorization: KEPT, 'X-Team': KEPT },
  });
});

test('a header needs a name of its own', () => {
  const headers = withRow(withRow(before.headers)).map((row, index) =>
    index === 2 ? { ...row, name: 'x-team' } : index === 3 ? { ...row, value: 'v' } : row,
  );
  assert.deepEqual(rowFaults({ ...before, headers }), { 2: 'is named above already', 3: 'give it a name' });
  assert.deepEqual(rowFaults({ ...before, headers: withRow(before.headers) }), {});
});

test('what the server finds about a header is told at its row', () => {
  const details = [
    { path: 'headers.X-Team', message: 'must be given anew' },
    { path: 'headers', message: 'must be few' },
  ];
  assert.deepEqual(placeRowFaults(before, details), {
    byKey: { [team.key]: 'must be given anew' },
    others: [details[1]],
  });
});

const PROGRAM: McpServer = {
  ...SERVER,
  transport: 'stdio',
  url: null,
  headers: {},
  command: 'node',
  args: ['/mcp/index.js', '/workspace'],
  env: { KEY: KEPT },
};
const program = draftOf(PROGRAM);

test('a program has arguments, one a line, and variables', () => {
  assert.deepEqual(serverOf({ ...program, args: 'a b\n\nc' }), {
    name: 'lab',
    transport: 'stdio',
    command: 'node',
    args: ['a b', '', 'c'],
    env: { KEY: KEPT },
    enabled: true,
    timeout_ms: 60_000,
  });
  assert.deepEqual(changesOf(PROGRAM, program), {});
  assert.deepEqual(changesOf(PROGRAM, { ...program, env: withRow([]) }), { env: { KEY: null } });
});

test('a program that is another one takes its variables along only by name', () => {
  assert.deepEqual(changesOf(PROGRAM, { ...program, args: '/mcp/other.js' }), {
    args: ['/mcp/other.js'],
    env: { KEY: KEPT },
  });
  assert.deepEqual(changesOf(PROGRAM, { ...program, command: 'python3', env: [] }), {
    command: 'python3',
    env: { KEY: null },
  });
  const env = [...program.env, { key: 7, name: 'key', value: 'x' }, { key: 8, name: 'KEY', value: 'y' }];
  assert.deepEqual(rowFaults({ ...program, env }), { 8: 'is named above already' });
});
