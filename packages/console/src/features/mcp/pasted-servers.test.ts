import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readPasted } from './pasted-servers.ts';

const read = (mcpServers: object, taken: readonly string[] = []) => readPasted(JSON.stringify({ mcpServers }), taken);

describe('the configuration of another client, pasted', () => {
  it('has servers that can be added as they are', () => {
    const { servers, fault } = read({
      'GitHub (beta)': { url: 'https://mcp.example.com/mcp?key=abc', headers: { Authorization: 'Bearer abc' } },
      files: { command: 'node', args: ['/mcp/files.js', '/workspace'], env: { KEY: 's3' } },
    });
    assert.equal(fault, null);
    assert.deepEqual(servers, [
      {
        name: 'github-beta',
        about: 'https://mcp.example.com/mcp?…',
        body: {
          name: 'github-beta',
          url: 'https://mcp.example.com/mcp?key=abc',
          headers: { Authorization: 'Bearer abc' },
        },
        note: undefined,
        command: undefined,
      },
      {
        name: 'files',
        about: 'node /mcp/files.js /workspace',
        body: {
          name: 'files',
          transport: 'stdio',
          command: 'node',
          args: ['/mcp/files.js', '/workspace'],
          env: { KEY: 's3' },
        },
        note: undefined,
        command: undefined,
      },
    ]);
  });

  it('says why others cannot, and what adds a package instead, without its secrets', () => {
    const { servers } = read(
      {
        there: { url: 'https://mcp.example.com/mcp' },
        old: { type: 'sse', url: 'https://mcp.example.com/sse' },
        hub: { url: 'https://mcp.example.com/mcp', headers: { Authorization: 'Bearer ${TOKEN}' } },
        box: { command: 'docker', args: ['run', 'image'] },
        '!': { url: 'https://mcp.example.com/mcp' },
        twice: { url: 'https://mcp.example.com/1' },
        Twice: { url: 'https://mcp.example.com/2' },
        time: { command: 'uvx', args: ['mcp-server-time', '--zone', "Rome's"], env: { API_KEY: 's3cr3t' } },
      },
      ['there'],
    );
    assert.deepEqual(
      servers.map(({ name, body, note }) => [name, body !== undefined, note]),
      [
        ['there', false, 'A server of this name is there already.'],
        ['old', false, 'It speaks SSE, which MCP has given up: ask for its address of Streamable HTTP.'],
        ['hub', false, 'Put values in place of ${TOKEN}.'],
        ['box', false, 'It starts a container, which the sandbox cannot: name its package.'],
        ['!', false, 'Its name has no letter or digit: give it another one.'],
        ['twice', true, undefined],
        ['twice', false, 'A server of this name is there already.'],
        ['time', false, 'Its package is installed first, by the command line:'],
      ],
    );
    assert.equal(
      servers.at(-1)!.command,
      `npm run reeve -- mcp add time --env API_KEY="$API_KEY" -- uvx mcp-server-time --zone 'Rome'\\''s'`,
    );
  });

  it('is nothing, or faulty, or names none', () => {
    assert.deepEqual(readPasted(' ', []), { servers: [], fault: null });
    assert.equal(readPasted('{\n"mcpServers": {', []).fault?.line, 2);
    assert.equal(readPasted('{"a": 1}', []).fault?.message, 'names no servers');
    assert.equal(readPasted('[]', []).fault?.message, 'names no servers');
  });
});
