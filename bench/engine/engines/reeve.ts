import { createAgent, findAgent } from '@reeve/agents';
import { AgentInput } from '@reeve/contract';
import { inTenant, openDatabase, type Database } from '@reeve/db';
import { createOutgoing } from '@reeve/http';
import { silentLog } from '@reeve/kit';
import { DEFAULT_RULES } from '@reeve/memory';
import type { ModelGateway, ModelPart, ModelRequest } from '@reeve/models';
import { createFeed, createRunHandler, startRun, waitForRun, type RunHandler } from '@reeve/runs';
import { createQuota, openSandbox } from '@reeve/sandbox';
import { startWorker } from '@reeve/tasks';
import { ensureTenant } from '@reeve/identity';
import { createLedger, type CallLedger } from '@reeve/ledger';
import { createToolRegistry, defineTool } from '@reeve/tools';
import { z } from 'zod';
import { resultOf, say, SYSTEM_PROMPT, TOOL, type Address, type Engine, type Hooks, type Shape } from '../engine.ts';

const requester = { tenantId: 'default', userId: 'bench', traceId: 'bench', requestId: 'bench' };
const AGENT = 'worker';
const NO_CALL = { provider: 'bench', model: 'bench' } as const;
/** Short, so that a killed process's run is free soon. */
const LEASE_MS = 3_000;
const RUN_MS = 120_000;

/** Reeve's engine as the program composes it: ledger, audit, events, row-level security and fenced leases are on. */
export async function open({ url, dataDirectory = '' }: Address, hooks: Hooks): Promise<Engine> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await openDatabase({ url, dataDirectory, pool: 15, log: silentLog }));
  await ensureTenant(database.db, requester.tenantId);
  const sandbox = stack.use(await openSandbox({ sandboxBackend: 'quickjs' }, silentLog));
  const outgoing = stack.use(createOutgoing({ allowPrivate: false }));
  const quota = createQuota({ workspaceQuotaMb: 1_000 });
  const feed = stack.use(createFeed(database));
  const models = modelsOf(hooks);
  const tools = createToolRegistry({
    sandbox,
    web: { outgoing, configured: outgoing },
    config: breakers,
    log: silentLog,
    tools: [toolOf(hooks)],
  });
  const handler = createRunHandler({
    database,
    feed,
    models,
    tools,
    toolsOf: async () => tools,
    readAttachment: async () => undefined,
    log: silentLog,
    toolRulesOf: async () => () => 'allow',
    memoryRulesOf: async () => DEFAULT_RULES,
    callerWaitMs: 3_600_000,
    modelWaitMs: 0,
    ledgerFor: (owner, booking) => createLedger(database, owner, silentLog, booking),
    skillsOf: () => ({ prompt: '', tools: [] }),
    toolContext: async (run, _skills, idempotencyKey, signal) => ({
      tenantId: run.tenantId,
      sessionId: run.sessionId,
      runId: run.id,
      idempotencyKey,
      signal,
      now: () => new Date(),
      workspace: dataDirectory,
      quota,
      egressOf: async () => undefined,
      memory: { remember: notUsed, recall: notUsed, forget: notUsed },
    }),
  });
  const workerOf = (handlerOfRuns: RunHandler, concurrency: number) =>
    startWorker({
      database,
      handler: handlerOfRuns,
      owner: `bench-${process.pid}`,
      concurrency,
      leaseMs: LEASE_MS,
      log: silentLog,
    });
  const worker = stack.use(workerOf(handler, 0));
  await ensureAgent(database);
  const parts = stack.move();

  const ended = async (runId: string) => {
    const { result } = await waitForRun(feed, requester.tenantId, runId, RUN_MS, new AbortController().signal);
    return String(result.result);
  };
  return {
    async run(shape) {
      const asked = {
        requester,
        source: 'query',
        agent: AGENT,
        input: JSON.stringify(shape),
        payload: {},
        sessionId: undefined,
      };
      const { runId } = await startRun({ database, feed, models, handler, worker }, asked);
      return ended(runId);
    },
    async resume() {
      const taken = Promise.withResolvers<number>();
      const run: RunHandler['run'] = (claim, signal) => {
        taken.resolve(performance.now());
        return handler.run(claim, signal);
      };
      parts.use(workerOf({ ...handler, run }, 1));
      return taken.promise;
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

const breakers = { circuitFailureThreshold: 5, circuitResetTimeoutSeconds: 30 };

async function ensureAgent(database: Database): Promise<void> {
  const limits = { max_steps: 1_000, timeout_ms: RUN_MS };
  const agent = { name: 'Worker', slug: AGENT, system_prompt: SYSTEM_PROMPT, tools: [TOOL], limits };
  if ((await inTenant(database.db, requester.tenantId, (tx) => findAgent(tx, requester.tenantId, AGENT))) === undefined)
    await createAgent(database, requester, AgentInput.parse(agent));
}

function toolOf({ called }: Hooks) {
  return defineTool({
    name: TOOL,
    description: 'Does nothing.',
    effect: 'none',
    input: z.object({ seed: z.string(), call: z.number(), bytes: z.number() }),
    timeoutMs: 1_000,
    execute: async (input) => {
      called();
      return { status: 'success', result: resultOf(input) };
    },
  });
}

/** A model that takes no time, in the ledger like any other. */
function modelsOf(hooks: Hooks): ModelGateway {
  const tokens = { inputTokens: 10, outputTokens: 5, cachedTokens: 0, reasoningTokens: 0, estimated: false };
  async function* stream(
    { messages }: ModelRequest,
    signal: AbortSignal,
    ledger?: CallLedger,
  ): AsyncGenerator<ModelPart> {
    const call = await ledger?.begin({ ...NO_CALL, attempt: 1, inputTokens: 10, maxOutputTokens: 5, price: null });
    hooks.asked();
    const [first] = messages;
    const shape = JSON.parse(first?.role === 'user' ? first.text : '{}') as Shape;
    const said = say(shape, messages.filter(({ role }) => role === 'tool').length);
    if (said.do === 'hang') {
      hooks.hanging();
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    } else if (said.do === 'call') yield { type: 'tool_call', call: { id: said.id, name: TOOL, input: said.input } };
    else yield { type: 'text', delta: said.text };
    const used = { input: 10, output: 5, cached: 0, reasoning: 0 };
    await call?.settle({ outcome: 'ok', usage: used, estimated: false, firstTokenMs: null, latencyMs: 0 });
    yield {
      type: 'finish',
      reason: said.do === 'call' ? 'tool_calls' : 'stop',
      usage: tokens,
      ...NO_CALL,
      costNano: 0,
    };
  }
  return {
    provider: 'bench',
    defaultModel: 'bench',
    describe: () => ({
      id: 'bench',
      provider: 'bench',
      contextTokens: 100_000_000,
      maxOutputTokens: 8_192,
      takesImages: null,
      price: null,
    }),
    list: () => [],
    countTokens: () => 0,
    health: () => ({ status: 'ok' }),
    stream,
    chat: ({ request }, signal, ledger) => stream(request, signal, ledger),
  };
}

function notUsed(): Promise<never> {
  return Promise.reject(new Error('the tool of this benchmark has no memory'));
}
