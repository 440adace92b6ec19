// runs on: both databases
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TaskInput } from '@reeve/contract';
import { openDatabase, type Database } from '@reeve/db';
import { silentLog } from '@reeve/kit';
import { ensureTenant } from '@reeve/identity';
import { createTestDatabase } from '@reeve/testing';
import { sql } from 'kysely';
import { createEnqueuer } from '../queue/enqueue.ts';
import type { TaskHandler } from '../queue/task.ts';
import { startWorker } from './worker.ts';

const skip = process.env['REEVE_TEST_DATABASE_URL'] === undefined && 'needs PostgreSQL (REEVE_TEST_DATABASE_URL)';
const requester = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };
const LEASE_MS = 6_000;

/** Passes connections on to a server, until it swallows whatever comes from either side, as a broken network does. */
async function startProxy(target: URL) {
  let isSilent = false;
  const sockets = new Set<Socket>();
  const pass = (from: Socket, to: Socket) => {
    sockets.add(from);
    from.on('data', (chunk) => !isSilent && to.write(chunk));
    from.on('error', () => undefined);
    from.on('close', () => !isSilent && to.destroy());
  };
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    pass(near, far);
    pass(far, near);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: Object.assign(new URL(target), { host: `127.0.0.1:${port}` }).href,
    swallow: () => void (isSilent = true),
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function leaseEnd(database: Database): Promise<number> {
  const { rows } = await sql<{ at: Date }>`select expires_at as at from leases`.execute(database.db);
  return rows[0]!.at.getTime();
}

describe('a database that swallows what it is sent', { skip, timeout: 60_000 }, () => {
  it('has a worker give its task up before the lease ends, so that two never work on it', async () => {
    await using place = await createTestDatabase();
    await using proxy = await startProxy(new URL(place.url!));
    await using direct = await openDatabase({ ...place, pool: 3, log: silentLog });
    await ensureTenant(direct.db, 'default');
    await createEnqueuer(
      direct,
      { run: async () => null, ended: async () => undefined },
      async (_, __, id) => id,
    ).batch(requester, [TaskInput.parse({ agent_id: 'ada', task_type: 'query', title: 'long', max_attempts: 3 })]);
    const given = Promise.withResolvers<{ at: number; reason: unknown }>();
    const begun = Promise.withResolvers<void>();
    const handler: TaskHandler = {
      async run(_, signal) {
        begun.resolve();
        await once(signal, 'abort');
        given.resolve({ at: Date.now(), reason: signal.reason });
        throw signal.reason;
      },
      ended: async () => undefined,
    };
    const cut = await openDatabase({ ...place, url: proxy.url, pool: 5, log: silentLog });
    const worker = startWorker({
      database: cut,
      handler,
      owner: 'w',
      concurrency: 0,
      leaseMs: LEASE_MS,
      log: silentLog,
      graceMs: 0,
    });
    void worker.runOnce(1).catch(() => undefined);
    await begun.promise;
    const first = await leaseEnd(direct);
    while ((await leaseEnd(direct)) === first) await sleep(50);
    proxy.swallow();

    const { at, reason } = await given.promise;
    assert.equal((reason as { reason: string }).reason, 'lease_lost');
    const end = await leaseEnd(direct);
    assert.ok(at < end, `given up ${end - at} ms before the lease ended`);
    assert.ok(at > end - LEASE_MS * 0.7, `not before it had to be: ${end - at} ms before the lease ended`);
    await proxy[Symbol.asyncDispose]();
    await worker[Symbol.asyncDispose]();
    await cut[Symbol.asyncDispose]();
  });
});
