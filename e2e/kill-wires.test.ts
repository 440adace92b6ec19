// runs on: PostgreSQL
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Client } from '@reeve/client';
import { routes, type Run } from '@reeve/contract';
import WebSocket from 'ws';
import { killAtCommits, requireWhole } from '@reeve/testing/kill-points';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';

/*
 * Kills a real server with SIGKILL at every sixth commit of four runs, one by each of other people's protocols, starts it again on the
 * same data, and has whatever was not begun begun, and whatever was begun followed. In the end each wire has one run, with one
 * tool call and the answer, whole in its log, and the wires that can be asked again tell of it.
 */
const ANSWER = 'It is 42.';
const QUESTION = 'what is 6 * 7?';
const WIRES = ['chat_completions', 'responses', 'ui_chat', 'companion'] as const;
type Wire = (typeof WIRES)[number];

describe('a server killed at commits of runs by other people’s protocols', { timeout: 600_000 }, () => {
  let upstream: FakeUpstream;
  before(async () => {
    upstream = await startFakeUpstream();
    upstream.respond(({ messages }) =>
      messages.at(-1)?.role === 'tool'
        ? { text: ['It is ', '42.'] }
        : { text: ['I reckon.'], toolCalls: [{ name: 'calculator', input: { expression: '6 * 7' } }] },
    );
  });
  after(() => upstream[Symbol.asyncDispose]());

  it('loses none of them, and makes none twice', async (context) => {
    const { points, killed } = await killAtCommits({ environment: () => upstream.environment, carryOn, check }, 6);
    context.diagnostic(`killed at ${killed} of ${points} points`);
    assert.ok(points >= 12, `at least 12 commits, these are ${points}`);
    assert.ok(killed >= 3, `killed at 3 points or more, these were ${killed}`);
  });

  /** Begins by each wire what it has no run of, and follows the run that it has. Throws where the server dies. */
  async function carryOn(client: Client, url: string): Promise<void> {
    for (const wire of WIRES) {
      if ((await runOf(client, wire)) === undefined) await BEGIN[wire](url);
      const run = await runOf(client, wire);
      assert.ok(run !== undefined, `${wire} has a run`);
      for await (const _ of client.followRun(run.id, { signal: AbortSignal.timeout(60_000) }));
    }
  }

  async function check(client: Client, where: string): Promise<void> {
    const { runs } = await client.call(routes.listRuns, { query: { limit: 200 } });
    assert.deepEqual(runs.map(({ door }) => door).sort(), [...WIRES].sort(), where);
    for (const run of runs) {
      assert.deepEqual([run.status, run.result], ['completed', ANSWER], `${run.door}, ${where}`);
      const events = [];
      for await (const event of client.followRun(run.id)) events.push(event);
      requireWhole(events, `${run.door}, ${where}`);
      assert.equal(events.filter(({ type }) => type === 'tool_result').length, 1, `${run.door}, ${where}`);
    }
    const { id } = (await runOf(client, 'responses'))!;
    const response = await client.call(routes.getResponse, { params: { id: `resp_${id.replaceAll('-', '')}` } });
    assert.ok(JSON.stringify(response).includes(ANSWER), where);
  }

  async function runOf(client: Client, wire: Wire): Promise<Run | undefined> {
    const { runs } = await client.call(routes.listRuns, { query: { limit: 200 } });
    return runs.find(({ door }) => door === wire);
  }
});

const BEGIN: Readonly<Record<Wire, (url: string) => Promise<unknown>>> = {
  chat_completions: (url) =>
    post(`${url}/v1/chat/completions`, {
      model: 'agent/assistant',
      stream: true,
      messages: [{ role: 'user', content: QUESTION }],
    }),
  responses: (url) => post(`${url}/v1/responses`, { model: 'agent/assistant', input: QUESTION, background: true }),
  ui_chat: (url) =>
    post(`${url}/api/chat`, { id: 'a chat', messages: [{ role: 'user', parts: [{ type: 'text', text: QUESTION }] }] }),
  companion: (url) => say(url),
};

async function post(url: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  const text = await response.text();
  assert.ok(response.ok, text);
}

/** Says it to the companion, and waits for the answer. */
async function say(url: string): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws/v1/companion`);
  const ended = new Promise<void>((resolve, reject) => {
    socket.on('message', (data: Buffer) => {
      const { event } = JSON.parse(data.toString()) as { event: string };
      if (event === 'agi_response') resolve();
      if (event === 'error') reject(new Error(data.toString()));
    });
    socket.once('close', () => reject(new Error('it was closed')));
    socket.once('error', reject);
  });
  socket.once('open', () => socket.send(JSON.stringify({ action: 'send_message', payload: { prompt: QUESTION } })));
  try {
    await ended;
  } finally {
    socket.removeAllListeners('close');
    socket.terminate();
  }
}
