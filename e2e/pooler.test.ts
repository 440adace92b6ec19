// runs on: PostgreSQL
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@reeve/client';
import { routes, type RunEvent } from '@reeve/contract';
import { createTestDatabase, type TestDatabase } from '@reeve/testing/database';
import { noPgBouncer, startPgBouncer, type OwnPgBouncer } from '@reeve/testing/own-pgbouncer';
import { startServer } from '@reeve/testing/server';
import { startFakeUpstream } from '@reeve/testing/upstream';

describe('a gateway and a worker behind PgBouncer in transaction mode', { skip: noPgBouncer, timeout: 240_000 }, () => {
  let place: TestDatabase;
  let bouncer: OwnPgBouncer;
  before(async () => {
    place = await createTestDatabase();
    bouncer = await startPgBouncer(place.url!);
  });
  after(async () => {
    await bouncer[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });

  for (const isDirect of [false, true])
    it(`work on runs, stream, stop and say how the database is reached ${isDirect ? 'with' : 'without'} a direct address`, async () => {
      await using upstream = await startFakeUpstream();
      const environment = {
        ...upstream.environment,
        REEVE_DATABASE_POOL: '4',
        // A heartbeat only every half a minute.
        REEVE_LEASE_MS: '90000',
        ...(isDirect && { DATABASE_DIRECT_URL: place.url! }),
      };
      const start = (roles: string) =>
        startServer({
          dataDirectory: place.dataDirectory,
          url: bouncer.url,
          environment: { ...environment, REEVE_ROLES: roles },
        });
      await using gateway = await start('gateway');
      await using worker = await start('worker');
      const client = createClient({ baseUrl: gateway.url });
      upstream.respond(({ messages }) =>
        messages.some(({ role }) => role === 'tool')
          ? { text: ['It ', 'is ', '42.'] }
          : { toolCalls: [{ name: 'calculator', input: { expression: '6 * 7' } }] },
      );
      const events: RunEvent[] = [];
      const body = { agent_config_id: 'assistant', message: 'How much is six times seven?' };
      for await (const event of client.stream(routes.chat, { body })) events.push(event);
      assert.deepEqual(
        events.map(({ seq }) => seq),
        events.map((_, index) => index + 1),
      );
      assert.equal(events.find((event) => event.type === 'result')?.result, 'It is 42.');

      // What another process cancels ends long before the next heartbeat is due.
      upstream.respond(() => ({ text: ['slow'], delayMs: 60_000 }));
      const controller = new AbortController();
      const slow = client.stream(routes.chat, { body, signal: controller.signal });
      const first = await slow[Symbol.asyncIterator]().next();
      const { run_id: runId } = first.value as RunEvent;
      while ((await client.call(routes.getRun, { params: { id: runId } })).status !== 'running') await sleep(50);
      const begunAt = performance.now();
      await client.call(routes.cancelRun, { params: { id: runId } });
      for await (const event of client.followRun(runId)) if (event.type === 'session_end') break;
      assert.ok(performance.now() - begunAt < 20_000, `${performance.now() - begunAt} ms`);
      controller.abort();

      const warnings = [...gateway.log, ...worker.log].filter((line) => line.includes('DATABASE_DIRECT_URL'));
      assert.equal(warnings.length, isDirect ? 0 : 2, warnings.join('\n'));
      const { components } = await client.call(routes.getHealth);
      assert.equal(components.database.status, 'ok');
      assert.match(
        components.database.message ?? '',
        isDirect
          ? /^PostgreSQL behind a pooler .* in transaction mode, listening by DATABASE_DIRECT_URL$/
          : /in transaction mode, without DATABASE_DIRECT_URL: it polls.*; set DATABASE_DIRECT_URL/,
      );
    });
});
