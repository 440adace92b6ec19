import { createAgent } from '@reeve/agents';
import { AgentInput } from '@reeve/contract';
import { openDatabase, type Database } from '@reeve/db';
import { silentLog } from '@reeve/kit';
import type { ModelGateway, ModelPart, ModelRequest } from '@reeve/models';
import { createFeed, createRunHandler, startRun, waitForRun } from '@reeve/runs';
import { openSandbox } from '@reeve/sandbox';
import { startWorker } from '@reeve/tasks';
import { createLedger, ensureTenant } from '@reeve/tenancy';
import { createToolRegistry, defineTool } from '@reeve/tools';
import { z } from 'zod';
import { createPlace, type Kind } from '../place.ts';

/** Tool calls of a run. Its steps are these, a model call before each, and one for the answer. */
export const TOOL_CALLS = 10;
export const STEPS = 2 * TOOL_CALLS + 1;

/** The engine in this process, over a database of its own. */
export interface Runner extends AsyncDisposable {
  readonly database: Database;
  /** Starts a run and waits for its end. */
  run(): Promise<void>;
}

const requester = { tenantId: 'default', userId: 'bench', traceId: 'bench', requestId: 'bench' };

/** Opens a database and an engine whose model takes no time and whose only tool does nothing. */
export async function openRunner(kind: Kind): Promise<Runner> {
  await using stack = new AsyncDisposableStack();
  const place = stack.use(await createPlace(kind));
  const database = stack.use(await openDatabase({ ...place, pool: 10, log: silentLog }));
  await ensureTenant(database.db, requester.tenantId);
  const sandbox = stack.use(await openSandbox({ sandboxBackend: 'quickjs' }, silentLog));
  const feed = stack.use(createFeed(database));
  const config = { circuitFailureThreshold: 5, circuitResetTimeoutSeconds: 30 };
  const tools = createToolRegistry({ sandbox, config, log: silentLog, tools: [doNothing] });
  const handler = createRunHandler({
    database,
    feed,
    models,
    tools,
    log: silentLog,
    ledgerFor: (owner) => createLedger(database, owner, silentLog),
    toolContext: async (run, idempotencyKey, signal) => ({
      tenantId: run.tenantId,
      sessionId: run.sessionId,
      runId: run.id,
      idempotencyKey,
      signal,
      now: () => new Date(),
      workspace: place.dataDirectory,
      memory: { remember: notUsed, recall: notUsed },
    }),
  });
  const worker = stack.use(
    startWorker({ database, handler, owner: 'bench', concurrency: 0, leaseMs: 30_000, log: silentLog }),
  );
  const agent = {
    name: 'Worker',
    slug: 'worker',
    system_prompt: 'Work.',
    tools: [doNothing.name],
    limits: { max_steps: STEPS },
  };
  await createAgent(database, requester, AgentInput.parse(agent));
  const parts = stack.move();
  return {
    database,
    async run() {
      const asked = { requester, door: 'query', agent: 'worker', input: 'Work.', payload: {}, sessionId: undefined };
      const { runId } = await startRun({ database, feed, models, handler, worker }, asked);
      await waitForRun(feed, requester.tenantId, runId, 60_000, new AbortController().signal);
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

const doNothing = defineTool({
  name: 'do_nothing',
  description: 'Does nothing.',
  effect: 'none',
  input: z.object({ call: z.number() }),
  timeoutMs: 1_000,
  execute: async ({ call }) => ({ status: 'success', result: { call } }),
});

/** Reads from the conversation how many calls were made, so that it may serve any number of runs at once. */
const models: ModelGateway = {
  provider: 'bench',
  defaultModel: 'bench',
  describe: (model) => ({
    id: model ?? 'bench',
    provider: 'bench',
    contextTokens: 1_000_000,
    maxOutputTokens: 8_192,
    price: null,
  }),
  list: () => [],
  countTokens: () => 0,
  health: () => ({ status: 'ok' }),
  async *stream({ messages }: ModelRequest): AsyncGenerator<ModelPart> {
    const made = messages.filter(({ role }) => role === 'tool').length;
    const done = made === TOOL_CALLS;
    if (done) yield { type: 'text', delta: 'Worked.' };
    else yield { type: 'tool_call', call: { id: `call_${made + 1}`, name: doNothing.name, input: { call: made + 1 } } };
    yield {
      type: 'finish',
      reason: done ? 'stop' : 'tool_calls',
      usage: { inputTokens: 10, outputTokens: 5, cachedTokens: 0, reasoningTokens: 0, estimated: false },
      provider: 'bench',
      model: 'bench',
      costNano: 0,
    };
  },
};

function notUsed(): Promise<never> {
  return Promise.reject(new Error('the tool of this benchmark has no memory'));
}
