import { findAgent } from '@reeve/agents';
import { recordAudit } from '@reeve/audit';
import { TaskInput, type Agent, type Multitask, type NewRunEvent, type RunEvent } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { newId, ReeveError } from '@reeve/kit';
import { appendMessages, ensureSession, recallContext } from '@reeve/memory';
import type { ModelGateway } from '@reeve/models';
import { insertClaimed, insertQueued, type Claim, type Requester, type Worker } from '@reeve/tasks';
import type { Feed } from './feed.ts';
import type { RunHandler } from './handler.ts';
import { appendEvents } from './log.ts';
import { HISTORY_LIMIT, historyOf, nextModelStep, rowOf, type RunState } from './run.ts';
import { insertRun, insertSteps, selectHistory } from './store.ts';

/** What a door asks for. */
export interface RunRequest {
  readonly requester: Requester & { readonly requestId: string };
  /** The task type the door stands for: execute, plan, query, chat. */
  readonly door: string;
  /** Agent id or slug. */
  readonly agent: string;
  readonly input: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly sessionId: string | undefined;
  /** What becomes of it where the session is busy; `enqueue` where it is left out. */
  readonly multitask?: Multitask;
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
}

/** How many remembered things go into a run's context. */
const RECALLED = 5;

/**
 * Starts a run: its task, run, first events and audit row are one transaction, and have committed when this resolves.
 * Where this process works on tasks it begins at once, under a lease it took in the same transaction. Throws
 * `unknown_agent`, and `not_found` for a session of somebody else.
 */
export async function startRun(
  { database, feed, models, handler, worker }: StartParts,
  request: RunRequest,
): Promise<StartedRun> {
  const { requester, door, payload } = request;
  const { started, claimed, state, events } = await inTenant(database.db, requester.tenantId, async (tx) => {
    const input = TaskInput.parse({
      agent_id: request.agent,
      task_type: door,
      title: titleOf(request.input),
      payload,
      ...(request.sessionId !== undefined && { session_id: request.sessionId }),
    });
    const agent = await findAgent(tx, requester.tenantId, request.agent);
    if (agent === undefined) throw unknownAgent(request.agent);
    const named = { ...input, agent_id: agent.slug };
    const { task, claim } =
      worker === undefined
        ? { task: await insertQueued(tx, requester, named), claim: undefined }
        : await insertClaimed(tx, requester, named, worker.owner, worker.leaseMs);
    const opened = await openRun(tx, {
      task,
      agent,
      door,
      requester,
      input: request.input,
      sessionId: request.sessionId,
      model: models.defaultModel,
      running: claim !== undefined,
    });
    const { run } = opened.state;
    return {
      started: { runId: run.id, taskId: task.id, sessionId: run.sessionId, agent: agent.slug },
      claimed: claim,
      ...opened,
    };
  });
  feed.publish(started.runId, events);
  database.notify('reeve_journal', requester.tenantId);
  if (claimed !== undefined) {
    handler.prepare(claimed, state);
    worker?.adopt(claimed);
  } else {
    database.notify('reeve_tasks', '');
  }
  return started;
}

export interface OpenRun {
  readonly task: Pick<Claim['task'], 'id'>;
  readonly agent: Agent;
  readonly door: string;
  readonly requester: Requester & { readonly requestId: string | null };
  readonly input: string;
  readonly sessionId: string | undefined;
  readonly model: string;
  /** Its task is leased by the caller, who goes on with the state that comes back. */
  readonly running: boolean;
}

/**
 * Inserts a run for a task in the caller's transaction: with its session, the message that began it, its first events and, where
 * it is running, its first step.
 */
export async function openRun(
  tx: Tx,
  { task, agent, door, requester, input, sessionId: given, model, running }: OpenRun,
): Promise<{ state: RunState; events: RunEvent[] }> {
  const { tenantId, traceId } = requester;
  const sessionId = given ?? newId();
  const session = await ensureSession(tx, { tenantId, sessionId, agentId: agent.id, title: input });
  const historyUntil = session.message_count;
  const opened = {
    id: newId(),
    tenantId,
    taskId: task.id,
    agentId: agent.id,
    agentVersion: agent.version,
    sessionId,
    door,
    status: running ? 'running' : 'queued',
    input,
    context: await recallContext(tx, tenantId, input.slice(0, 2_000), RECALLED),
    historyUntil,
    traceId,
  } as const;
  await insertRun(tx, { ...opened, requestId: requester.requestId });
  await appendMessages(tx, tenantId, sessionId, [{ role: 'user', content: input, runId: opened.id }]);
  await recordAudit(tx, [
    {
      tenantId,
      actor: requester.userId,
      action: 'PLAN_START',
      traceId,
      taskId: task.id,
      runId: opened.id,
      details: { agent: agent.slug, version: agent.version, door },
    },
  ]);
  const first: NewRunEvent[] = [
    { type: 'session_start', session_id: sessionId, task_id: task.id, agent: agent.slug },
    { type: 'system', message: running ? 'started' : 'queued', model: agent.model_id ?? model, tools: agent.tools },
  ];
  const events = await appendEvents(tx, opened, 0, first);
  const history =
    historyUntil === 0 ? [] : historyOf(await selectHistory(tx, tenantId, sessionId, historyUntil, HISTORY_LIMIT));
  const step = nextModelStep([]);
  if (running) await insertSteps(tx, tenantId, opened.id, [rowOf(step, agent.model_id ?? model, history.length)]);
  const now = new Date();
  const state: RunState = {
    run: {
      ...opened,
      agentSlug: agent.slug,
      inputTokens: 0,
      outputTokens: 0,
      createdAt: now,
      startedAt: running ? now : null,
    },
    agent,
    history,
    steps: running ? [step] : [],
    begun: running ? [step.number] : [],
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
