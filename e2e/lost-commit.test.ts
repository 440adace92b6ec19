// runs on: both databases
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import { createTestDatabase, testDatabaseKind } from '@reeve/testing/database';
import { startServer } from '@reeve/testing/server';

/** A way to a PostgreSQL on which, once armed, the answer to the commit of the next new run is lost with its connection. */
async function openLossyWay(url: string) {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let armed = false;
  let lost = 0;
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    let hasRun = false;
    let loses = false;
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (data: Buffer) => {
      hasRun ||= armed && data.includes('insert into "runs"');
      loses ||= hasRun && data.includes('commit\0');
      far.write(data);
    });
    far.on('data', (data: Buffer) => {
      if (!loses) return void near.write(data);
      armed = false;
      lost += 1;
      near.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const way = new URL(url);
  way.hostname = '127.0.0.1';
  way.port = String((server.address() as AddressInfo).port);
  return {
    url: way.href,
    arm: () => (armed = true),
    lost: () => lost,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

const skip = testDatabaseKind !== 'postgres' && 'needs PostgreSQL';

describe('a run whose commit was answered into the void', { skip, timeout: 120_000 }, () => {
  for (const key of [undefined, 'the-key'])
    it(`is followed to its end and not started again, ${key === undefined ? 'without' : 'with'} an idempotency key`, async () => {
      await using place = await createTestDatabase();
      await using way = await openLossyWay(place.url!);
      // What was claimed with the run is worked on again once the lease has run out.
      await using server = await startServer({ ...place, url: way.url, environment: { REEVE_LEASE_MS: '2000' } });
      const client = createClient({ baseUrl: server.url });
      const ask = () =>
        fetch(`${server.url}/execute`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) },
          body: JSON.stringify({ task: 'What is 6 * 7?', timeout_ms: 60_000 }),
        });
      way.arm();
      const response = await ask();
      const answer = (await response.json()) as { run_id: string; result: string };
      assert.equal(response.status, 200, JSON.stringify(answer));
      assert.equal(way.lost(), 1);
      assert.match(answer.result, /42/);
      const { runs } = await client.call(routes.listRuns);
      assert.deepEqual(
        runs.map(({ id }) => id),
        [answer.run_id],
      );
      if (key === undefined) return;
      assert.deepEqual(await (await ask()).json(), answer);
      assert.equal((await client.call(routes.listRuns)).total, 1);
    });
});
