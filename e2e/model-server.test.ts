import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type Client } from '@reeve/client';
import { routes } from '@reeve/contract';
import { createTestDatabase } from '@reeve/testing/database';
import { hasModelServer, startModelServer, type ModelServer } from '@reeve/testing/model-server';
import { startReeve, type Reeve } from '@reeve/testing/reeve';

const skip = !hasModelServer && 'needs llama.cpp: .ci/model-server.sh fetch';
const WINDOW = 1_024;
/** The model would go on until its window is full. */
const MODELS = `models:
  openai-compatible/smollm2:
    max_output_tokens: 40
    usd_per_million: null
`;

describe('Reeve at a real model server with two slots', { skip, timeout: 600_000 }, () => {
  const stack = new AsyncDisposableStack();
  let model: ModelServer;
  let reeve: Reeve;
  let client: Client;
  before(async () => {
    model = stack.use(await startModelServer({ slots: 2, tokens: WINDOW }));
    const place = await createTestDatabase();
    const models = join(place.dataDirectory, 'models.yaml');
    await writeFile(models, MODELS);
    reeve = stack.use(await startReeve({ ...model.environment, REEVE_MODELS_FILE: models }, place));
    client = createClient({ baseUrl: reeve.url });
    await client.call(routes.createAgent, {
      body: { name: 'Talker', slug: 'talker', tools: [], system_prompt: 'You answer in one short sentence.' },
    });
  });
  after(() => stack.disposeAsync());

  it('learns its window and talks past it: what was said first is summed up', async (context) => {
    let sessionId: string | undefined;
    const kinds: string[] = [];
    for (let turn = 1; turn <= 6; turn += 1) {
      const message = `Turn ${turn}. ${`Note ${turn}: rivers, bridges and bread belong together. `.repeat(12)} Which word comes first?`;
      const answer = await fetch(`${reeve.url}/api/v1/agents/chat`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ agent_config_id: 'talker', message, stream: false, session_id: sessionId }),
      });
      const body = (await answer.json()) as { run_id: string; session_id: string; error?: string };
      assert.equal(answer.status, 200, `turn ${turn}: ${body.error}`);
      sessionId = body.session_id;
      const { steps } = await client.call(routes.listSteps, { params: { id: body.run_id } });
      kinds.push(...steps.map(({ kind }) => kind));
    }
    const summaries = kinds.filter((kind) => kind === 'compaction').length;
    context.diagnostic(`6 turns, ${summaries} summaries`);
    assert.ok(summaries > 0, kinds.join(' '));
  });

  it('answers in the form of a JSON schema', async () => {
    const schema = {
      type: 'object',
      properties: { name: { type: 'string', maxLength: 20 }, age: { type: 'integer' } },
      required: ['name', 'age'],
      additionalProperties: false,
    };
    const answer = await fetch(`${reeve.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'smollm2',
        messages: [{ role: 'user', content: 'Invent a person.' }],
        response_format: { type: 'json_schema', json_schema: { name: 'person', schema, strict: true } },
      }),
    });
    const { choices } = (await answer.json()) as { choices: { message: { content: string } }[] };
    const person = JSON.parse(choices[0]!.message.content) as { name: unknown; age: unknown };
    assert.deepEqual([typeof person.name, Number.isInteger(person.age)], ['string', true]);
  });

  it('carries out every task of many at once, though the server is killed in between', async (context) => {
    const task = { agent_id: 'talker', task_type: 'query', title: 'Name a color.' };
    const { tasks } = await client.call(routes.createTaskBatch, {
      body: { tasks: Array.from({ length: 20 }, () => task) },
    });
    const ids = tasks.map(({ id }) => id);
    const stateOf = async () =>
      Promise.all(ids.map(async (id) => (await client.call(routes.getTask, { params: { id } })).task));
    const ended = async (least: number) => {
      for (;;) {
        const now = await stateOf();
        if (now.filter(({ status }) => !['pending', 'in_progress'].includes(status)).length >= least) return now;
        await sleep(200);
      }
    };
    await ended(5);
    await model.kill();
    await sleep(500);
    await model.restart();
    const all = await ended(ids.length);
    assert.deepEqual(
      all.filter(({ status }) => status !== 'completed').map(({ status, error_message: error }) => [status, error]),
      [],
    );
    context.diagnostic(`20 tasks, ${all.reduce((sum, { attempts }) => sum + attempts, 0)} attempts`);
  });
});
