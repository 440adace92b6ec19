// runs on: both databases
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createClient, type Client } from '@reeve/client';
import { routes } from '@reeve/contract';
import { sleep } from '@reeve/kit';
import { createTestDatabase } from '@reeve/testing/database';
import { killAtCommits, outwaitTheDead } from '@reeve/testing/kill-points';
import { startServer } from '@reeve/testing/server';
import type { UpstreamRequest } from '@reeve/testing/upstream/reply';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';

/*
 * Kills a real server with SIGKILL at every commit of a conversation from which two facts are taken, and starts it again on
 * the same data. In the end there is one run, and each fact once, with the run that it is from.
 */
const FACTS = ['Ada prefers tea over coffee', 'Ada works on the harbor project'];
const SAID = 'I am Ada. I prefer tea over coffee and I work on the harbor project.';

const isAboutFacts = ({ messages }: Pick<UpstreamRequest, 'messages'>) =>
  messages.some(({ text }) => text.includes('long-term memory'));
const answerOf = (request: Pick<UpstreamRequest, 'messages'>) =>
  isAboutFacts(request) ? { text: [JSON.stringify({ facts: FACTS })] } : { text: ['Nice to meet you, Ada.'] };

describe('a server killed at commits of a conversation that facts are taken from', { timeout: 600_000 }, () => {
  let upstream: FakeUpstream;
  let directory: string;
  let environment: Readonly<Record<string, string>>;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'reeve-kill-memory-'));
    const tenants = join(directory, 'tenants.yaml');
    await writeFile(tenants, 'default:\n  memory: { extract: true }\n');
    upstream = await startFakeUpstream();
    upstream.respond(answerOf);
    environment = { ...upstream.environment, REEVE_TENANTS_FILE: tenants };
  });
  after(async () => {
    await upstream[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  it('loses no fact, and stores none twice', async (context) => {
    const { points, killed } = await killAtCommits({ environment: () => environment, carryOn, check }, 1);
    context.diagnostic(`killed at ${killed} of ${points} points`);
    assert.ok(points >= 3, `at least 3 commits, these are ${points}`);
    assert.ok(killed >= 2, `killed at 2 points or more, these were ${killed}`);
  });

  it('asks again for what a model was asked for when it was killed', async () => {
    await using place = await createTestDatabase();
    const asked = Promise.withResolvers<void>();
    upstream.respond((request) => {
      if (!isAboutFacts(request)) return { text: ['Nice to meet you, Ada.'] };
      asked.resolve();
      return { text: [JSON.stringify({ facts: FACTS })], pauseMs: 10_000 };
    });
    {
      await using first = await startServer({ ...place, environment });
      await createClient({ baseUrl: first.url }).call(routes.execute, { body: { task: SAID } });
      await asked.promise;
      assert.equal(await first.end('SIGKILL'), 'SIGKILL');
    }
    upstream.respond(answerOf);
    await outwaitTheDead(place);
    await using second = await startServer({ ...place, environment });
    const client = createClient({ baseUrl: second.url });
    await carryOn(client);
    await check(client, 'killed while a model was asked');
  });

  async function carryOn(client: Client): Promise<void> {
    const { runs } = await client.call(routes.listRuns, { query: {} });
    if (runs.length === 0) await client.call(routes.execute, { body: { task: SAID } });
    const until = AbortSignal.timeout(60_000);
    while ((await memories(client)).length < FACTS.length) await sleep(50, until);
  }

  async function check(client: Client, where: string): Promise<void> {
    const { runs } = await client.call(routes.listRuns, { query: {} });
    assert.equal(runs.length, 1, where);
    const found = await memories(client);
    assert.deepEqual(found.map(({ text }) => text).toSorted(), FACTS.toSorted(), where);
    for (const { tags, source } of found)
      assert.deepEqual(
        [tags, source.run_id, source.session_id],
        [['extracted'], runs[0]!.id, runs[0]!.session_id],
        where,
      );
  }

  async function memories(client: Client) {
    return (await client.call(routes.listMemories, { query: {} })).memories;
  }
});
