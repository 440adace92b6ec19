// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiKeyWithSecret } from '@reeve/contract';
import { createTestDatabase, testDatabaseKind, type TestDatabase } from '@reeve/testing/database';
import { startPostgres } from '@reeve/testing/own-postgres';
import { startServer, type ServerProcess } from '@reeve/testing/server';

const ADMIN = { authorization: 'Bearer rv_admin_of_the_tests', 'content-type': 'application/json' };
const ENVIRONMENT = { REEVE_API_KEY: 'rv_admin_of_the_tests', LOG_LEVEL: 'debug', REEVE_RATE_LIMIT: 'off' };

/*
 * Keys as servers in processes of their own see them: two over one PostgreSQL, one over the embedded database.
 */
describe('API keys of servers', { timeout: 240_000 }, () => {
  let place: TestDatabase;
  const servers: ServerProcess[] = [];
  const post = async (path: string, body: object, server = servers[0]!) => {
    const init = { method: 'POST', headers: ADMIN, body: JSON.stringify(body) };
    const answer = await fetch(`${server.url}/api/v1/keys${path}`, init);
    assert.ok(answer.ok, await answer.clone().text());
    return (await answer.json()) as ApiKeyWithSecret & { secret: string };
  };
  const create = (server?: ServerProcess) => post('', { name: 'ci', role: 'viewer' }, server);
  const statusAt = async ({ url }: ServerProcess, secret: string) => {
    const answer = await fetch(`${url}/version`, { headers: { authorization: `Bearer ${secret}` } });
    await answer.arrayBuffer();
    return answer.status;
  };

  before(async () => {
    place = await createTestDatabase();
    const start = () => startServer({ dataDirectory: place.dataDirectory, url: place.url, environment: ENVIRONMENT });
    servers.push(await start());
    if (testDatabaseKind === 'postgres') servers.push(await start());
  });
  after(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });

  it('lose no request while they are rotated under load', async () => {
    const { id, secret } = await create();
    let current = secret;
    const counts = new Map<number, number>();
    const stop = performance.now() + 6_000;
    const callers = servers.flatMap((server) =>
      Array.from({ length: 3 }, async () => {
        while (performance.now() < stop) {
          const status = await statusAt(server, current);
          counts.set(status, (counts.get(status) ?? 0) + 1);
        }
      }),
    );
    let rotations = 0;
    for (; performance.now() < stop; rotations += 1) {
      current = (await post(`/${id}/rotate`, { grace_seconds: 2 })).secret;
      await sleep(400);
    }
    await Promise.all(callers);
    assert.deepEqual([...counts.keys()], [200], JSON.stringify([...counts]));
    assert.ok(rotations >= 5 && counts.get(200)! > 100, `${rotations} rotations, ${counts.get(200)} calls`);
  });

  it('are dead in every process within five seconds of being revoked, and usually at once', async () => {
    const { id, secret } = await create();
    for (const server of servers) assert.equal(await statusAt(server, secret), 200);
    const answer = await fetch(`${servers[0]!.url}/api/v1/keys/${id}`, { method: 'DELETE', headers: ADMIN });
    assert.equal(answer.status, 204);
    const revokedAt = performance.now();
    assert.equal(await statusAt(servers[0]!, secret), 401, 'where it was revoked, with the answer');
    for (const server of servers) {
      while ((await statusAt(server, secret)) === 200) await sleep(20);
      assert.ok(performance.now() - revokedAt < 5_000);
    }
  });

  if (testDatabaseKind === 'postgres') {
    it('go on for their time when PostgreSQL is gone; others get 503, and nobody gets in', async () => {
      await using postgres = await startPostgres();
      await using home = await createTestDatabase();
      const { url } = postgres;
      await using server = await startServer({ dataDirectory: home.dataDirectory, url, environment: ENVIRONMENT });
      const [known, unknown] = [await create(server), await create(server)];
      assert.equal(await statusAt(server, known.secret), 200);
      const lastLook = performance.now();
      await postgres[Symbol.asyncDispose]();
      const statuses = new Set<number>();
      while (performance.now() - lastLook < 7_000) {
        statuses.add(await statusAt(server, known.secret));
        assert.equal(await statusAt(server, unknown.secret), 503);
        await sleep(200);
      }
      assert.equal(await statusAt(server, known.secret), 503);
      assert.deepEqual([...statuses], [200, 503]);
      assert.equal(await statusAt(server, 'rv_unknown_key'), 401);
    });
  }

  it('leave no secret in what a server logs', async () => {
    const made = await create();
    for (const server of servers) await statusAt(server, made.secret);
    const { secret } = await post(`/${made.id}/rotate`, { grace_seconds: 0 });
    for (const server of servers) {
      await statusAt(server, secret);
      await statusAt(server, `${secret.slice(0, -1)}!`);
    }
    for (const { log } of servers)
      for (const hidden of [made.secret, secret, 'rv_admin_of_the_tests'])
        assert.ok(!log.some((line) => line.includes(hidden.slice(-30))));
  });
});
