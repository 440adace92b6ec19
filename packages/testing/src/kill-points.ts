import assert from 'node:assert/strict';
import { createClient, type Client } from '@reeve/client';
import type { RunEvent } from '@reeve/contract';
import { within } from '@reeve/kit';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { startReeve } from './reeve.ts';
import { startServer, type ServerProcess } from './server.ts';

/** What is done with a server that may die at any commit of it. */
export interface KillScenario {
  /** Of the servers of one kill, which is after that commit; 0: of the one that is not killed. Kills run side by side. */
  environment(at: number): Readonly<Record<string, string>>;
  /** Does whatever is still to be done, to the end, as often as it is called. Throws where the server dies. */
  carryOn(client: Client, url: string): Promise<void>;
  /** Looks at what there is once all was done. */
  check(client: Client, where: string): Promise<void>;
}

const preload = new URL('./kill-at-commit.ts', import.meta.url).href;
/** A server may stall on a busy machine without losing its lease. */
export const PATIENT = { REEVE_LEASE_MS: '20000' };

/**
 * Lets the leases of a server that was killed run out at once, as they would in a while: on PostgreSQL the next one waits for
 * that, on the embedded database it knows that nobody else lives.
 */
export async function outwaitTheDead({ url }: Pick<TestDatabase, 'url'>): Promise<void> {
  if (url === undefined) return;
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(`update leases set expires_at = now() - interval '1 hour'`);
    await client.query(`update memory_extractions set due_at = now() - interval '1 hour'`);
    await client.query(`update model_slots set expires_at = now() - interval '1 hour'`);
    await client.query(`update external_stores set held_until = now() - interval '1 hour'`);
  } finally {
    await client.end();
  }
}

/**
 * Kills a real server with SIGKILL after every `nth` commit of a scenario, starts Reeve in this process on the same data, carries on
 * from whatever is there and checks. Answers how many commits there are and at how many it was killed: a scenario varies by one or
 * two, so all have their turn over time.
 */
export async function killAtCommits(scenario: KillScenario, nth: number): Promise<{ points: number; killed: number }> {
  const points = await countCommits(scenario);
  const next = Array.from({ length: Math.ceil(points / nth) }, (_, index) => nth * index + 1).values();
  let killed = 0;
  await Promise.all(
    [1, 2].map(async () => {
      for (const at of next) if (await killAndResume(scenario, at)) killed += 1;
    }),
  );
  return { points, killed };
}

/** Fails unless the events of a run are numbered without a gap, and end once. */
export function requireWhole(events: readonly RunEvent[], where: string): void {
  assert.deepEqual(
    events.map(({ seq }) => seq),
    events.map((_, index) => index + 1),
    where,
  );
  assert.equal(events.filter(({ type }) => type === 'session_end').length, 1, where);
}

async function countCommits({ environment, carryOn }: KillScenario): Promise<number> {
  await using place = await createTestDatabase();
  await using server = await startServer({ ...place, preload, environment: { ...environment(0), ...PATIENT } });
  await carryOn(createClient({ baseUrl: server.url }), server.url);
  return server.log.filter((line) => line.includes('commit point')).length;
}

/** False where all had ended before that commit. */
async function killAndResume({ environment, carryOn, check }: KillScenario, at: number): Promise<boolean> {
  const where = `killed after commit ${at}`;
  await using place = await createTestDatabase();
  await using first = await startServer({
    ...place,
    preload,
    environment: { ...environment(at), ...PATIENT, REEVE_KILL_AT: String(at), REEVE_KILL_WHEN: 'after' },
  });
  const ended = await carryOn(createMortalClient(first), first.url).then(
    () => true,
    () => false,
  );
  if (ended) return false;
  assert.equal(await within(30_000, `the server ${where}`, first.exited), 'SIGKILL', where);
  await outwaitTheDead(place);
  await using second = await startReeve({ ...environment(at), ...PATIENT }, place);
  const client = createClient({ baseUrl: second.url });
  await carryOn(client, second.url);
  await check(client, where);
  return true;
}

/** A client of a server that is about to die. Once it is dead, the client looks for it no more: each call fails at once. */
function createMortalClient({ url, exited }: ServerProcess): Client {
  let isDead = false;
  void exited.then(() => (isDead = true));
  const send = async (request: Request) => (isDead ? new Response(null, { status: 410 }) : fetch(request));
  return createClient({ baseUrl: url, fetch: send });
}
