// runs on: both databases
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { request as ask } from 'node:http';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { WebSocket as Peer } from 'ws';
import { createTestDatabase } from '@reeve/testing/database';
import { startServer } from '@reeve/testing/server';
import { startFakeUpstream } from '@reeve/testing/upstream';

/** Every one ends in a word that nothing else writes. */
const MARK = 'zzplanted';
const planted = (name: string) => `${name}-${MARK}`;

describe('the log of a server at level debug', { timeout: 120_000 }, () => {
  for (const format of ['json', 'pretty'])
    it(`as ${format} holds no secret that came in, was configured, or was said by a provider`, async () => {
      await using upstream = await startFakeUpstream();
      await using place = await createTestDatabase();
      const apiKey = `rv_${MARK}0123456789`;
      const internal = planted('an internal secret');
      const providerKey = planted('provider-key');
      upstream.respond(() => ({
        status: 401,
        message: `Incorrect API key provided: ${providerKey}; also sk-${MARK}12345`,
      }));
      await using server = await startServer({
        ...place,
        environment: {
          ...upstream.environment,
          LLM_API_KEY: providerKey,
          REEVE_API_KEY: apiKey,
          REEVE_INTERNAL_SECRET: internal,
          REEVE_JWT_SECRET: planted('a secret of at least 32 characters for tokens'),
          LOG_FORMAT: format,
        },
      });
      const good = { 'x-api-key': apiKey, 'content-type': 'application/json' };
      const secretFields = { password: planted('p'), token: planted('t'), secret: planted('s'), api_key: planted('k') };
      const bodies = [
        JSON.stringify({ task: 'x', parameters: secretFields }),
        JSON.stringify({ task: 'x', ...secretFields }),
        `{"task": "x", "password": "${planted('p')}`,
        JSON.stringify({ agent_id: 'assistant', task_type: 't', title: 't', payload: { nested: [secretFields] } }),
      ];
      for (const body of bodies)
        for (const path of ['/execute', '/api/agents/tasks', '/v1/chat/completions', '/api/v1/execute_tool'])
          await fetch(`${server.url}${path}`, { method: 'POST', headers: good, body });
      for (const headers of [
        { 'x-api-key': `rv_wrong_${MARK}` },
        { authorization: `Bearer ${planted('bearer')}` },
        { authorization: `Bearer eyJhbGciOiJIUzI1NiJ9.${MARK}.${MARK}` },
        { authorization: `Basic ${Buffer.from(`ada:${MARK}`).toString('base64')}` },
        { 'x-internal-service': 'true', 'x-internal-service-secret': planted('wrong') },
        { 'x-internal-service': 'true', 'x-internal-service-secret': internal },
        { ...good, cookie: `session=${MARK}`, 'x-request-id': 'r1' },
      ] as Record<string, string>[]) {
        await fetch(`${server.url}/api/v1/runs`, { headers });
        await fetch(`${server.url}/api/v1/runs?api_key=${planted('query')}&token=${planted('query')}`, { headers });
        await fetch(`${server.url}/nothing/rv_${MARK}0123?access_token=${MARK}`, { headers });
      }
      await raw(server.url, `GET /?key=${MARK} HTTP/1.1\r\nHost: a b\r\nAuthorization: Bearer ${MARK}\r\n\r\n`);
      const peer = new Peer(`${server.url.replace('http', 'ws')}/ws/v1/tasks`, ['reeve', `reeve.key.rv_${MARK}99`]);
      await new Promise((resolve) => peer.once('error', resolve));
      await server.end('SIGTERM');
      const written = [...server.log, ...server.output];
      assert.ok(server.log.length > 20, 'it logs requests');
      const telling = written.filter(
        (line) => line.includes(MARK) || line.includes(Buffer.from(`ada:${MARK}`).toString('base64')),
      );
      assert.deepEqual(telling, []);
      for (const name of await readdir(place.dataDirectory))
        if (name.endsWith('.log'))
          assert.doesNotMatch(await readFile(join(place.dataDirectory, name), 'utf8'), new RegExp(MARK));
    });
});

function raw(url: string, text: string): Promise<void> {
  return new Promise((resolve) => {
    const connection = ask(url).on('error', () => undefined);
    connection.once('socket', (socket) => {
      socket.once('close', () => resolve());
      socket.write(text);
      setTimeout(() => connection.destroy(), 300);
    });
  });
}
