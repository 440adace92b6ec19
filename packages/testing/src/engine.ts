import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAgent } from '@reeve/agents';
import { AgentInput, type Multitask, type Run, type RunEvent, type Step } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { createOutgoing } from '@reeve/http';
import { silentLog } from '@reeve/kit';
import { DEFAULT_RULES, type MemoryRulesOf } from '@reeve/memory';
import {
  createFeed,
  createRunHandler,
  listSteps,
  selectRun,
  startRun,
  waitForRun,
  type CallerTools,
  type EndedRun,
  type Feed,
  type RunHandler,
  type StartedRun,
  type StartParts,
} from '@reeve/runs';
import { createQuota, openSandbox, workspacePath } from '@reeve/sandbox';
import { startWorker, type Worker } from '@reeve/tasks';
import { createLedger } from '@reeve/ledger';
import { createToolRegistry, defineTool, delegateToAgent, type Effect, type ToolRegistry } from '@reeve/tools';
import { z } from 'zod';
import { openTestDatabase } from './database.ts';
import { scriptedModel, type ScriptedModel } from './scripted-model.ts';
/** Who asks, in the tests of the engine. */
export const requester = { tenantId: 'default', userId: 'ada', traceId: 'trace-1', requestId: 'request-1' };

interface Asked {
  /** Undefined: no worker is near, so the run waits in the queue. */
  readonly worker?: Worker | undefined;
  readonly sessionId?: string | undefined;
  readonly agent?: string;
  readonly multitask?: Multitask;
  readonly callerTools?: CallerTools;
}

/** An engine on a database of its own, with a scripted model and tools that count their calls. */
export interface TestEngine extends AsyncDisposable {
  readonly database: Database;
  readonly feed: Feed;
  readonly model: ScriptedModel;
  readonly tools: ToolRegistry;
  readonly handler: RunHandler;
  readonly worker: Worker;
  readonly parts: StartParts;
  /** Calls of the tools `count_none`, `count_idempotent` and `count_external`, by their key; one that begins with "harmless" has no effect. */
  readonly counted: Map<string, number>;
  /** Awaited by every call of a tool with that key. */
  readonly gates: Map<string, Promise<void>>;
  startWorker(owner: string, leaseMs?: number): Worker;
  makeAgent(slug: string, fields: Partial<z.input<typeof AgentInput>>): Promise<void>;
  start(input: string, asked?: Asked): Promise<StartedRun>;
  wait(runId: string): Promise<EndedRun>;
  /** The same for a run whose session may still be taken by the one before: the worker takes it as soon as it may begin. */
  finish(runId: string): Promise<EndedRun>;
  steps(runId: string): Promise<Step[]>;
  run(runId: string): Promise<Run>;
  /** To the end of the run. */
  events(runId: string, after?: number): Promise<RunEvent[]>;
  /** Resolves with the first event of that type. */
  event<Type extends RunEvent['type']>(runId: string, type: Type): Promise<Extract<RunEvent, { type: Type }>>;
}

interface EngineOptions {
  readonly memoryRulesOf?: MemoryRulesOf;
}

/** Runs wait for their model for at most so long. */
export const MODEL_WAIT_MS = 600_000;
/** So short are the pauses before a model is asked again. */
const PAUSES = { firstMs: 4, longestMs: 60_000 };

export async function openTestEngine({
  memoryRulesOf = async () => DEFAULT_RULES,
}: EngineOptions = {}): Promise<TestEngine> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await openTestDatabase());
  const directory = await mkdtemp(join(tmpdir(), 'reeve-runs-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const sandbox = stack.use(await openSandbox({ sandboxBackend: 'quickjs' }, silentLog));
  const feed = stack.use(createFeed(database));
  const model = scriptedModel();
  const counted = new Map<string, number>();
  const gates = new Map<string, Promise<void>>();
  const count = (effect: Effect) =>
    defineTool({
      name: `count_${effect}`,
      description: 'Counts its calls.',
      effect,
      effectOf: ({ key }) => (key.startsWith('harmless') ? 'none' : effect),
      input: z.object({ key: z.string() }),
      timeoutMs: 20_000,
      execute: async ({ key }) => {
        counted.set(key, (counted.get(key) ?? 0) + 1);
        await gates.get(key);
        return { status: 'success', result: { key } };
      },
    });
  const outgoing = stack.use(createOutgoing({ allowPrivate: false }));
  const tools = createToolRegistry({
    sandbox,
    web: { outgoing, configured: outgoing },
    config: { circuitFailureThreshold: 5, circuitResetTimeoutSeconds: 30 },
    log: silentLog,
    tools: [count('none'), count('idempotent'), count('external'), delegateToAgent],
  });
  const handler = createRunHandler({
    database,
    feed,
    models: model,
    modelWaitMs: MODEL_WAIT_MS,
    pauses: PAUSES,
    tools,
    toolsOf: async () => tools,
    readAttachment: async () => undefined,
    log: silentLog,
    toolRulesOf: async () => () => 'allow',
    memoryRulesOf,
    callerWaitMs: 3_600_000,
    ledgerFor: (owner, booking) => createLedger(database, owner, silentLog, booking),
    skillsOf: () => ({ prompt: '', tools: [] }),
    toolContext: async (run, _skills, idempotencyKey, signal) => ({
      tenantId: run.tenantId,
      sessionId: run.sessionId,
      runId: run.id,
      idempotencyKey,
      signal,
      now: () => new Date(),
      workspace: await workspacePath(directory, run.tenantId, run.sessionId),
      quota: createQuota({ workspaceQuotaMb: 100 }),
      egressOf: async () => undefined,
      memory: {
        remember: () => Promise.reject(new Error('not used')),
        recall: () => Promise.resolve({ matches: [] }),
        forget: () => Promise.resolve(false),
      },
    }),
  });
  const startTestWorker = (owner: string, leaseMs = 30_000) =>
    startWorker({ database, handler, owner, concurrency: 0, leaseMs, log: silentLog, graceMs: 0 });
  const worker = stack.use(startTestWorker('here'));
  const parts = { database, feed, models: model, handler, worker };
  const makeAgent: TestEngine['makeAgent'] = async (slug, fields) => {
    const tools = ['count_none', 'count_idempotent', 'count_external'];
    await createAgent(
      database,
      requester,
      AgentInput.parse({ name: slug, slug, system_prompt: 'Count.', tools, ...fields }),
    );
  };
  await makeAgent('counter', { limits: { max_steps: 8 } });

  const events: TestEngine['events'] = async (runId, after = 0) => {
    const seen: RunEvent[] = [];
    for await (const event of feed.follow('default', runId, after, AbortSignal.timeout(30_000))) seen.push(event);
    return seen;
  };
  const run: TestEngine['run'] = async (runId) =>
    (await inTenant(database.db, 'default', (tx) => selectRun(tx, 'default', runId)))!;
  const wait: TestEngine['wait'] = (runId) => waitForRun(feed, 'default', runId, 30_000, new AbortController().signal);
  const resources = stack.move();
  return {
    database,
    feed,
    model,
    tools,
    handler,
    worker,
    parts,
    counted,
    gates,
    startWorker: startTestWorker,
    makeAgent,
    start: (input, { agent = 'counter', sessionId, multitask, callerTools, ...asked } = {}) =>
      startRun('worker' in asked ? { ...parts, worker: asked.worker } : parts, {
        requester,
        source: 'query',
        agent,
        input,
        payload: {},
        sessionId,
        ...(multitask && { multitask }),
        ...(callerTools && { callerTools }),
      }),
    wait,
    async finish(runId) {
      while ((await run(runId)).ended_at === null) await worker.runOnce(1);
      return wait(runId);
    },
    steps: async (runId) =>
      (await inTenant(database.db, 'default', (tx) => listSteps(tx, 'default', runId, { limit: 200, offset: 0 })))
        .steps,
    run,
    events,
    async event(runId, type) {
      for await (const event of feed.follow('default', runId, 0, AbortSignal.timeout(30_000)))
        if (event.type === type) return event as never;
      throw new Error(`run ${runId} has no event ${type}`);
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Puts a run where a crash between the beginning and the end of its first tool call would leave it. */
export async function leaveBegun(
  { database }: Pick<TestEngine, 'database'>,
  runId: string,
  name: string,
  input: object,
): Promise<void> {
  const run = await database.db
    .selectFrom('runs')
    .select('created_at')
    .where('id', '=', runId)
    .executeTakeFirstOrThrow();
  const base = { run_id: runId, tenant_id: 'default', started_at: new Date() };
  const output = JSON.stringify({ text: '', finish: 'tool_calls', toolCalls: [{ id: 'c1', name, input }] });
  await database.db
    .insertInto('steps')
    .values({
      ...base,
      number: 1,
      kind: 'model',
      name: 'scripted',
      tool_call_id: null,
      input: '{}',
      output,
      status: 'settled',
      outcome: 'success',
      attempt: 1,
      ended_at: new Date(),
    })
    .execute();
  await database.db
    .insertInto('steps')
    .values({
      ...base,
      number: 2,
      kind: 'tool',
      name,
      tool_call_id: 'c1',
      input: JSON.stringify(input),
      status: 'pending',
      attempt: 1,
    })
    .execute();
  await database.db
    .updateTable('runs')
    .set({ status: 'running', started_at: run.created_at })
    .where('id', '=', runId)
    .execute();
}
