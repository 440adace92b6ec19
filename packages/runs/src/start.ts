import { findAgent } from '@reeve/agents';
import { recordAudit } from '@reeve/audit';
import { TaskInput, type Attachment, type Multitask, type NewRunEvent, type RunEvent } from '@reeve/contract';
import type { Database, Tx } from '@reeve/db';
import { invalidField, newId, ReeveError } from '@reeve/kit';
import { contextFor, ensureSession, type EmbedMemoryQuery, type MemoryQuery } from '@reeve/memory';
import type { ModelGateway } from '@reeve/models';
import {
  insertTask,
  joinKey,
  queueTransaction,
  type Inserted,
  type PostCommitEffects,
  type Requester,
  type TaskHandler,
  type Worker,
} from '@reeve/tasks';
import { ensureRunBudget, exhausted } from '@reeve/ledger';
import { IMAGE_TYPES } from './attachments.ts';
import { beginRun, type RunAgent } from './begin.ts';
import { waitsForCaller, type CallerTools } from './caller-tools.ts';
import type { Feed } from './feed.ts';
import type { RunHandler } from './execution.ts';
import { appendEvents } from './log.ts';
import { NOTHING_USED, subjectOf, type RunRecord, type RunState } from './run.ts';
import { insertCallerTools, selectWaitingForCaller } from './store/caller-tools.ts';
import { insertRun } from './store/run.ts';
import { selectUnended } from './store/session.ts';

/** A run to start. */
export interface RunRequest {
  readonly requester: Requester & { readonly requestId: string };
  /** The endpoint or protocol that the run comes from; also the type of its task: execute, plan, query, chat. */
  readonly source: string;
  /** Agent id or slug. */
  readonly agent: string;
  readonly input: string;
  /** Files that come with the input. */
  readonly attachments?: readonly Attachment[];
  readonly payload: Readonly<Record<string, unknown>>;
  readonly sessionId: string | undefined;
  /** What becomes of it where the session is busy; `enqueue` where it is left out. */
  readonly multitask?: Multitask;
  /** Tools that it offers to this run, checked. */
  readonly callerTools?: CallerTools;
}

export interface StartedRun {
  readonly runId: string;
  readonly taskId: string;
  readonly sessionId: string;
  /** The agent’s slug. */
  readonly agent: string;
}

export interface StartParts {
  readonly database: Database;
  readonly feed: Feed;
  readonly models: ModelGateway;
  readonly handler: RunHandler;
  /** Works on the run in this process; without one it goes through the queue. */
  readonly worker: Worker | undefined;
  /** Makes what a run is about a vector, before its transaction; without it its context is found by words alone. */
  readonly embedQuery?: EmbedMemoryQuery | undefined;
}

/**
 * Starts a run: its task, run, first events and audit row are one transaction, and have committed when this resolves.
 * Where this process works on tasks and the session is free it begins at once, under a lease it took in the same transaction.
 * Throws `unknown_agent`, `not_found` for a session of somebody else, `conflict` for a busy session that is not waited for or whose
 * run waits for its caller, and `budget_exhausted` where nothing is left to spend.
 */
export async function startRun(parts: StartParts, request: RunRequest): Promise<StartedRun> {
  const { tenantId } = request.requester;
  return launch(parts, request, async (tx) => {
    const agent = await findAgent(tx, tenantId, request.agent);
    if (agent === undefined) throw unknownAgent(request.agent);
    const { id, takesImages } = parts.models.describe(agent.model_id);
    if (takesImages === false && request.attachments?.some(({ media_type }) => IMAGE_TYPES.has(media_type)))
      throw invalidField('attachments', `the model ${id} of ${agent.slug} takes no images`);
    return { agent };
  });
}

/** What a run is opened with besides its request. */
export interface Launch {
  readonly agent: RunAgent;
  /** The run that it shares the steps below `step` of, and what it is told after them. */
  readonly fork?: { readonly from: RunRecord; readonly step: number; readonly said: string | undefined };
}

/** Starts a run with what `prepare` finds in the same transaction. */
export async function launch(
  { database, feed, models, handler, worker, embedQuery }: StartParts,
  request: RunRequest,
  prepare: (tx: Tx) => Promise<Launch & { readonly sessionId?: string }>,
): Promise<StartedRun> {
  const { requester, source, payload, callerTools, sessionId: asked, multitask = 'enqueue' } = request;
  const vector = await embedQuery?.(requester.tenantId, request.input);
  const { started, claimed, opened } = await queueTransaction(
    database,
    handler,
    requester.tenantId,
    async (tx, effects) => {
      const { agent, fork, sessionId = asked } = await prepare(tx);
      if (sessionId !== undefined) {
        if (request.multitask === undefined) await refuseWhileCallerIsAsked(tx, requester.tenantId, { sessionId });
        await claimSession(tx, requester.tenantId, sessionId);
      }
      const { taskId, claim, isKeyFree } = await insertRunTask(tx, handler, worker, effects, {
        requester,
        agent,
        source,
        subject: subjectOf({ input: request.input, attachments: request.attachments ?? [] }),
        payload,
        sessionId,
        multitask,
      });
      const opening = await openRun(tx, {
        taskId,
        agent,
        source,
        requester,
        input: request.input,
        attachments: request.attachments,
        sessionId,
        defaultModel: models.defaultModel,
        running: claim !== undefined,
        // What the session's latest run left behind is settled only by the run that stopped it.
        multitask: isKeyFree ? 'enqueue' : multitask,
        fork,
        vector,
        callerTools,
      });
      const { run } = opening.state;
      const ids = { runId: run.id, taskId, sessionId: run.sessionId, agent: agent.slug };
      effects.calls.push(() => feed.publish(run.id, opening.events));
      return { started: ids, claimed: claim, opened: opening };
    },
  );
  if (claimed !== undefined) {
    handler.prepare(claimed, opened.state);
    worker?.adopt(claimed);
  }
  return started;
}

/** Throws `conflict` where one of these runs waits for its caller: it is not something new that is to be said then. */
export async function refuseWhileCallerIsAsked(
  tx: Tx,
  tenantId: string,
  runs: Parameters<typeof selectWaitingForCaller>[2],
): Promise<void> {
  const [waiting] = await selectWaitingForCaller(tx, tenantId, runs);
  if (waiting !== undefined) throw waitsForCaller(waiting);
}

/** What the task of a run is made of. */
interface RunTask {
  readonly requester: Requester;
  readonly agent: RunAgent;
  readonly source: string;
  /** What its title is made of. */
  readonly subject: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly priority?: number;
  readonly sessionId: string | undefined;
  readonly multitask: Multitask;
}

/** Inserts the task of a run: one that goes on in a session takes its turn there. */
export function insertRunTask(
  tx: Tx,
  handler: TaskHandler,
  maker: Worker | undefined,
  effects: PostCommitEffects,
  { requester, agent, source, subject, payload, priority, sessionId, multitask }: RunTask,
): Promise<Inserted> {
  const task = TaskInput.parse({
    agent_id: agent.slug,
    task_type: source,
    title: titleOf(subject),
    payload,
    ...(priority !== undefined && { priority }),
    ...(sessionId !== undefined && { session_id: sessionId, ...keyOf(sessionId, multitask) }),
  });
  return insertTask(tx, handler, requester, task, maker, effects);
}

const STRATEGIES = {
  enqueue: 'queue',
  reject: 'reject',
  interrupt: 'cancel_running',
  rollback: 'cancel_running',
} as const;

/** One run of a session at a time: those that go on in one have a concurrency key. */
function keyOf(sessionId: string, multitask: Multitask) {
  return { concurrency_key: sessionKey(sessionId), concurrency_strategy: STRATEGIES[multitask] };
}

function sessionKey(sessionId: string): string {
  return `session:${sessionId}`;
}

/** The run that made a session has no key: most are the only one. It gets one where it is in the way. */
async function claimSession(tx: Tx, tenantId: string, sessionId: string): Promise<void> {
  const tasks = await selectUnended(tx, tenantId, sessionId);
  if (tasks.length > 0) await joinKey(tx, tenantId, sessionKey(sessionId), tasks);
}

export interface OpenRun {
  readonly taskId: string;
  readonly agent: RunAgent;
  readonly source: string;
  readonly requester: Requester & { readonly requestId: string | null };
  readonly input: string;
  readonly attachments?: readonly Attachment[] | undefined;
  readonly sessionId: string | undefined;
  readonly defaultModel: string;
  /** Its task is leased by the caller, who goes on with the state that comes back. */
  readonly running: boolean;
  readonly multitask?: Multitask;
  readonly fork?: Launch['fork'];
  /** What it is about as a vector, where it has one. */
  readonly vector?: MemoryQuery | undefined;
  /** The run that gives it its work, and the step that does. Its tree shares one budget, for which the child waits where the parent would be refused. */
  readonly parent?: { readonly run: RunRecord; readonly step: number };
  readonly callerTools?: CallerTools | undefined;
}

/** Inserts a run for a task in the caller's transaction, with its session and its first events; where it is running, it begins. */
export async function openRun(
  tx: Tx,
  {
    taskId,
    agent,
    source,
    requester,
    input,
    attachments = [],
    sessionId: given,
    defaultModel,
    running,
    multitask,
    fork,
    vector,
    parent,
    callerTools,
  }: OpenRun,
): Promise<{ state: RunState; events: RunEvent[] }> {
  const { tenantId, traceId, userId } = requester;
  const id = newId();
  const sessionId = given ?? newId();
  const run: RunRecord = {
    id,
    tenantId,
    taskId,
    agentId: agent.id,
    agentSlug: agent.slug,
    agentVersion: agent.version,
    sessionId,
    source,
    status: 'queued',
    waitingFor: null,
    multitask: multitask ?? 'enqueue',
    input,
    attachments,
    context:
      fork !== undefined && fork.step > 1
        ? fork.from.context
        : await contextFor(tx, { tenantId, personaId: agent.persona_id, query: input, asked: vector }),
    historyUntil: 0,
    traceId,
    userId,
    parentRunId: parent?.run.id ?? null,
    rootRunId: parent?.run.rootRunId ?? id,
    forkedFrom: fork?.from.id ?? null,
    forkStep: fork?.step ?? null,
    used: NOTHING_USED,
    startedAt: null,
    createdAt: new Date(),
  };
  if (parent === undefined) {
    const { persona_id: personaId, slug: agentId } = agent;
    const refusal = await exhausted(tx, { tenantId, personaId, agentId, rootRunId: run.rootRunId });
    if (refusal !== undefined) throw refusal;
  }
  // Where it begins at once, that sees to its session.
  if (!running) await ensureSession(tx, { tenantId, sessionId, agentId: agent.id, title: subjectOf(run) });
  await insertRun(tx, { ...run, requestId: requester.requestId });
  if (callerTools !== undefined) await insertCallerTools(tx, tenantId, id, callerTools);
  if (parent === undefined) await ensureRunBudget(tx, tenantId, id, agent.limits.max_cost_usd);
  await recordAudit(tx, [
    {
      tenantId,
      actor: userId,
      action: 'PLAN_START',
      traceId,
      taskId,
      runId: id,
      details: {
        agent: agent.slug,
        version: agent.version,
        door: source,
        ...(fork && { forked_from: fork.from.id, from_step: fork.step }),
        ...(parent && { parent_run_id: parent.run.id, parent_step: parent.step }),
      },
    },
  ]);
  const beginning = running ? await beginRun(tx, run, agent, defaultModel, fork?.said) : undefined;
  const first: NewRunEvent[] = [
    { type: 'session_start', session_id: sessionId, task_id: taskId, agent: agent.slug },
    {
      type: 'system',
      phase: running ? 'started' : 'queued',
      message: running ? 'started' : 'queued',
      model: agent.model_id ?? defaultModel,
      tools: agent.tools,
    },
  ];
  const events = await appendEvents(tx, run, 0, [...first, ...(beginning?.events ?? [])]);
  const { history = [], steps = [], begun = [] } = beginning ?? {};
  const state = {
    run: beginning?.run ?? run,
    agent,
    history,
    callerTools: callerTools ?? null,
    steps,
    begun,
    lastSeq: events.length,
  };
  return { state, events };
}

export function unknownAgent(ref: string): ReeveError {
  return new ReeveError('unknown_agent', `there is no agent ${ref}`);
}

function titleOf(input: string): string {
  const line = input.trim().split('\n')[0]?.trim() ?? '';
  return line.length === 0 ? 'untitled' : line.length > 80 ? `${line.slice(0, 79).toWellFormed()}…` : line;
}
