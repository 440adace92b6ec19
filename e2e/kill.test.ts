// runs on: both databases, and behind PgBouncer
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes, type RunEvent, type Step } from '@reeve/contract';
import { createLog, within, type Log } from '@reeve/kit';
import { cases } from '@reeve/testing/cases';
import { createTestDatabase } from '@reeve/testing/database';
import { outwaitTheDead, PATIENT } from '@reeve/testing/kill-points';
import { startReeve } from '@reeve/testing/reeve';
import { startServer, type ServerProcess } from '@reeve/testing/server';
import { startFakeUpstream, type FakeUpstream, type UpstreamReply } from '@reeve/testing/upstream';

/*
 * Kills a real server with SIGKILL around every commit of a run with three tool calls, starts Reeve again on the same data, and
 * looks from outside: the run completes by itself, what had settled is not done again (model calls are counted by the upstream,
 * tool calls by the log), and a reader that reconnects has seen every event once.
 */
const preload = import.meta.resolve('@reeve/testing/kill-at-commit');
const STEPS: readonly UpstreamReply[] = [
  {
    thinking: ['Let me ', 'compute.'],
    text: ['First ', 'a sum.'],
    toolCalls: [{ name: 'calculator', input: { expression: '6 * 7' } }],
  },
  { text: ['Now I ', 'write it.'], toolCalls: [{ name: 'write_file', input: { path: 'sum.txt', content: '42' } }] },
  {
    text: ['And I ', 'run code.'],
    toolCalls: [{ name: 'run_code', input: { language: 'javascript', code: '6 * 7' } }],
  },
  { text: ['The ', 'sum ', 'is ', '42, ', 'and ', 'it ', 'is ', 'written.'] },
];
/** Of four points, those that are tried: all with REEVE_TEST_DEEP=1; else one, another each day. */
const { numRuns: tried, seed } = cases(4, 1);
const isDeep = tried === 4;
const ANSWER = 'The sum is 42, and it is written.';

describe('a server killed at any commit', { timeout: 600_000 }, () => {
  let upstream: FakeUpstream;
  /** Kills after a commit that let a tool call be made again, which a fast machine never sees. */
  let repeated = 0;
  before(async () => void (upstream = await startFakeUpstream()));
  after(() => upstream[Symbol.asyncDispose]());

  const environment = () => ({ ...upstream.environment, ...PATIENT });

  it('loses nothing, repeats nothing that had settled, and shows every event once', async (context) => {
    upstream.respond(({ messages }) => ({
      ...STEPS[messages.filter(({ role }) => role === 'tool').length]!,
      pauseMs: 20,
    }));
    const points = await countCommits();
    assert.ok(points * 2 >= 20, `at least 20 points, these are ${points * 2}`);
    const plans = Array.from({ length: points }, (_, index) => index + 1).flatMap((at) =>
      (['before', 'after'] as const)
        .filter((_, index) => (at * 2 + index + seed) % 4 < tried)
        .map((when) => [at, when] as const),
    );
    const next = plans.values();
    let killed = 0;
    await Promise.all(
      [1, 2].map(async () => {
        for (const [at, when] of next) if (await killAndResume(at, when)) killed += 1;
      }),
    );
    context.diagnostic(`killed at ${killed} of ${points * 2} points`);
    assert.ok(
      killed >= plans.length - (isDeep ? 4 : 2),
      `killed at nearly all of ${plans.length} points, these were ${killed}`,
    );
    assert.ok(repeated <= 2, `after ${repeated} kills that came after a commit a tool call was made again`);
  });

  async function countCommits(): Promise<number> {
    await using place = await createTestDatabase();
    await using server = await startServer({ ...place, preload, environment: environment() });
    const events = await chat(server, 'sum and write', []);
    assert.equal(events.at(-1)?.type, 'session_end');
    return server.log.filter((line) => line.includes('commit point')).length;
  }

  /** False where the run ended before that commit: text is coalesced by time, so runs differ by a commit or two. */
  async function killAndResume(at: number, when: 'before' | 'after'): Promise<boolean> {
    const where = `killed ${when} commit ${at}`;
    const question = `sum and write (${where})`;
    await using place = await createTestDatabase();
    const seen: RunEvent[] = [];
    await using first = await startServer({
      ...place,
      preload,
      environment: { ...environment(), REEVE_KILL_AT: String(at), REEVE_KILL_WHEN: when },
    });
    const ended = await chat(first, question, seen).then(
      () => true,
      () => false,
    );
    if (ended) return false;
    assert.equal(await within(20_000, `the server ${where}`, first.exited), 'SIGKILL', where);
    const killedAt = new Date().toISOString();

    await outwaitTheDead(place);
    const { log, lines } = collectLog();
    await using second = await startReeve(environment(), place, log);
    const client = createClient({ baseUrl: second.url });
    const { runs } = await client.call(routes.listRuns);
    if (runs.length === 0) {
      assert.deepEqual([at, when], [1, 'before'], `${where}: the run was lost`);
      return true;
    }
    const runId = runs[0]!.id;
    for await (const event of client.followRun(runId, {
      after: seen.at(-1)?.seq ?? 0,
      signal: AbortSignal.timeout(60_000),
    }))
      seen.push(event);

    const run = await client.call(routes.getRun, { params: { id: runId } });
    const { steps } = await client.call(routes.listSteps, { params: { id: runId } });
    assert.deepEqual([run.status, run.result], ['completed', ANSWER], where);
    assert.equal(steps.length, 7, where);
    assertLogWhole(seen, where);
    const replayed: RunEvent[] = [];
    for await (const event of client.followRun(runId)) replayed.push(event);
    assert.deepEqual(seen, replayed, `${where}: what the reader saw is the log`);

    const done = [...first.log, ...lines].map((line) => JSON.parse(line) as { message: string; step?: number });
    const callsOf = (step: Step) =>
      done.filter(
        (line) =>
          line.step === step.number && line.message === (step.kind === 'tool' ? 'calling a tool' : 'calling the model'),
      ).length;
    for (const step of steps) {
      const settledBefore = step.ended_at !== null && step.ended_at < killedAt;
      if (settledBefore) assert.equal(callsOf(step), 1, `${where}: step ${step.number} had settled and was done again`);
      else assert.ok(callsOf(step) <= 2, `${where}: step ${step.number} was done more than twice`);
    }
    // Its heartbeat commits, too, so that a kill after a commit can meet a call that takes long on a busy machine.
    if (when === 'after' && steps.some((step) => step.kind === 'tool' && callsOf(step) > 1)) repeated += 1;
    const asked = upstream.requests.filter(({ messages }) =>
      messages.some(({ role, text }) => role === 'user' && text === question),
    ).length;
    const logged = steps.filter(({ kind }) => kind === 'model').reduce((sum, step) => sum + callsOf(step), 0);
    assert.ok(asked >= 4 && asked <= logged, `${where}: the upstream was asked ${asked} times, the log says ${logged}`);
    return true;
  }
});

async function chat(server: ServerProcess, message: string, seen: RunEvent[]): Promise<RunEvent[]> {
  const client = createClient({ baseUrl: server.url });
  for await (const event of client.stream(routes.chat, { body: { agent_config_id: 'assistant', message } }))
    seen.push(event);
  return seen;
}

function assertLogWhole(events: readonly RunEvent[], where: string): void {
  assert.deepEqual(
    events.map(({ seq }) => seq),
    events.map((_, index) => index + 1),
    `${where}: numbers without gap or repeat`,
  );
  const text = new Map<number, string>();
  for (const event of events) {
    if (event.type === 'system' && event.discard_step !== undefined) text.delete(event.discard_step);
    if (event.type === 'text') text.set(event.step, (text.get(event.step) ?? '') + event.delta);
  }
  assert.equal([...text.values()].at(-1), ANSWER, `${where}: the streamed text is the answer`);
  for (const type of ['session_start', 'result', 'session_end'] as const)
    assert.equal(events.filter((event) => event.type === type).length, 1, `${where}: one ${type}`);
  assert.equal(events.filter(({ type }) => type === 'tool_result').length, 3, where);
}

/** A log that keeps its lines, one JSON object each. */
function collectLog(): { log: Log; lines: readonly string[] } {
  const lines: string[] = [];
  const destination = new Writable({ write: (line: Buffer, _, done) => (lines.push(String(line)), done()) });
  return { log: createLog('test', { level: 'debug', format: 'json', destination }), lines };
}
