import { findAgent, listAgents } from '@reeve/agents';
import { recordAudit } from '@reeve/audit';
import type { NewRunEvent, RunEvent, ToolOutcome } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { invalidField, ReeveError } from '@reeve/kit';
import type { MemoryQuery } from '@reeve/memory';
import { adoptTask, type PostCommitEffects } from '@reeve/tasks';
import { failedOutcome, type Delegation } from '@reeve/tools';
import type { RunAgent } from './begin.ts';
import { auditOf } from './committer.ts';
import type { RunRecord, ToolStep } from './run.ts';
import { insertRunTask, openRun } from './start.ts';
import { countTree, selectEarlierWork, selectLine, updateOpened, type ChildRun } from './store/child.ts';
import { selectUnended } from './store/session.ts';
import { isOffered, type RunExecution } from './execution.ts';

/*
 * A tool call that is the work of another agent
 *
 *   pending ──open──► pending, with a child run ──the child ends──► settled
 *
 * One transaction opens the child (its task, its run, its session) and writes its id into the step, so a crash leaves either
 * none or one. Then the run is parked like one that waits for people. The end of the child's task takes it out again, in a
 * transaction that a crash only puts off (see tasks/src/queue/completion-outbox.ts), and whoever goes on reads what the child came to from its
 * row. A parent that ends takes its children with it in the same way.
 */

/** Runs that may wait for one another in a line, the root not counted, and runs that there may be below a root. */
const MAX_DEPTH = 5;
const MAX_TREE = 100;
/** Agents that are named to a model which asked for one that is not there. */
const NAMED = 50;

/** The task type that child runs come in by. */
const SOURCE = 'delegate';

/** Whether a call is made by opening a child run. */
export function opensChild(work: RunExecution, { name }: ToolStep): boolean {
  return isOffered(work, name) && work.tools.get(name)?.delegation !== undefined;
}

/** Opens the child run of a call, and answers undefined; or changes nothing, and answers why not in words for the model. */
export async function openChild(
  work: RunExecution,
  pending: ToolStep,
  input: unknown,
  events: readonly NewRunEvent[],
): Promise<ToolOutcome | undefined> {
  const wanted = work.tools.delegation(pending.name, input);
  if (wanted === undefined) throw new ReeveError('internal', `tool ${pending.name} gives no work to agents`);
  if ('refused' in wanted) return wanted.refused;
  const step = work.begun.has(pending.number) ? pending : { ...pending, attempt: pending.attempt + 1 };
  const vector = await work.embedQuery?.(work.run.tenantId, wanted.asked.message);
  let opened: RunRecord | undefined;
  try {
    await work.commit({
      events,
      write: async (tx, effects) => {
        const { run: child, events: begun } = await insertChild(tx, work, step, wanted.asked, vector, effects);
        opened = child;
        effects.calls.push(() => work.feed.publish(child.id, begun));
        const details = { step: step.number, to: child.agentSlug, child_run_id: child.id };
        await recordAudit(tx, [auditOf(work.run, 'HANDOFF', details)]);
        const message = `delegated to ${child.agentSlug}`;
        return [{ type: 'system', phase: 'delegated', message, step: step.number, child_run_id: child.id }];
      },
    });
  } catch (thrown) {
    if (!(thrown instanceof ReeveError) || !isRefusal(thrown)) throw thrown;
    return failedOutcome('error', thrown.message);
  }
  const child = opened!;
  work.steps = work.steps.map((one) => (one.number === step.number ? { ...step, childRunId: child.id } : one));
  work.begun.add(step.number);
  work.children = [...work.children, awaited(child, step)];
  return undefined;
}

/** What the model asked for cannot be done, as opposed to what went wrong meanwhile. */
function isRefusal({ code }: ReeveError): boolean {
  return code === 'invalid_argument' || code === 'not_found' || code === 'failed_precondition';
}

async function insertChild(
  tx: Tx,
  work: RunExecution,
  step: ToolStep,
  { agent: ref, message, sessionId }: Delegation,
  vector: MemoryQuery | undefined,
  effects: PostCommitEffects,
): Promise<{ run: RunRecord; events: RunEvent[] }> {
  const { run: parent, claim, handler, models } = work;
  const { tenantId, userId, traceId } = parent;
  const agent = await requireAllowed(tx, parent, ref);
  if (sessionId !== undefined) await requireOwnSession(tx, parent, agent, sessionId);
  const requester = { tenantId, userId, traceId, requestId: null };
  const { taskId } = await insertRunTask(tx, handler, undefined, effects, {
    requester,
    agent,
    source: SOURCE,
    subject: message,
    payload: { parent_run_id: parent.id, step: step.number },
    priority: claim.task.priority,
    sessionId,
    multitask: 'reject',
  });
  await adoptTask(tx, taskId, parent.taskId);
  const { state, events } = await openRun(tx, {
    taskId,
    agent,
    source: SOURCE,
    requester,
    input: message,
    sessionId,
    defaultModel: models.defaultModel,
    running: false,
    vector,
    parent: { run: parent, step: step.number },
  });
  await updateOpened(tx, parent.id, step, state.run.id);
  return { run: state.run, events };
}

/** The agent that work is to be given to. Throws where there is none, where it waits for this run itself, and where the tree is full. */
async function requireAllowed(tx: Tx, parent: RunRecord, ref: string): Promise<RunAgent> {
  const agent = await findAgent(tx, parent.tenantId, ref);
  const line = await selectLine(tx, parent.id);
  if (agent === undefined) {
    const { configs } = await listAgents(tx, parent.tenantId, undefined, { limit: NAMED, offset: 0 });
    const others = configs
      .filter(({ id }) => !line.includes(id))
      .map(({ slug, description }) =>
        description === '' ? slug : `${slug} (${description.slice(0, 100).toWellFormed()})`,
      );
    throw new ReeveError(
      'unknown_agent',
      `there is no agent ${ref}; those that can be given work are: ${others.join(', ') || 'none'}`,
    );
  }
  if (line.includes(agent.id))
    throw invalidField(
      'agent',
      `${agent.slug} waits for the outcome of this work itself, so it cannot be given it: choose another agent, or do it yourself`,
    );
  if (line.length > MAX_DEPTH)
    throw new ReeveError('limit_reached', `work can be given on ${MAX_DEPTH} times, and this was: do it yourself`);
  if ((await countTree(tx, parent.rootRunId)) >= MAX_TREE)
    throw new ReeveError(
      'limit_reached',
      `${MAX_TREE} pieces of work have been given to agents for this request, which is the limit: do the rest yourself`,
    );
  return agent;
}

/** Throws unless the agent has worked in the session for this conversation before, and is not at work there now. */
async function requireOwnSession(tx: Tx, parent: RunRecord, agent: RunAgent, sessionId: string): Promise<void> {
  const { tenantId, sessionId: forSession } = parent;
  if (!(await selectEarlierWork(tx, tenantId, { sessionId, agentId: agent.id, forSession })))
    throw invalidField(
      'session_id',
      `${agent.slug} has done nothing in session ${sessionId} for this conversation: leave session_id out to begin anew`,
    );
  if ((await selectUnended(tx, tenantId, sessionId)).length > 0)
    throw new ReeveError(
      'conflict',
      `${agent.slug} is still at work in session ${sessionId}: leave session_id out, or wait for that`,
    );
}

function awaited({ id, agentSlug: agent, sessionId }: RunRecord, { number: step }: ToolStep): ChildRun {
  return { id, step, agent, sessionId, status: 'queued', result: null, errorMessage: null, durationMs: 0 };
}
