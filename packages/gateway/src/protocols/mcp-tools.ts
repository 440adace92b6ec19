import { ensureBuiltinAgents, findAgent, listAgents } from '@reeve/agents';
import {
  AgentRef,
  Id,
  IdParams,
  RecallInput,
  RememberInput,
  TaskInput,
  TaskStatus,
  text,
  type Role,
} from '@reeve/contract';
import { inTenant, type Tx } from '@reeve/db';
import { requesterOf } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import { embedderFor, forget, recall, remember, type QueryEmbedders, type MemoryRulesOf } from '@reeve/memory';
import { cancelRun, selectRun } from '@reeve/runs';
import type { Workspaces } from '@reeve/sandbox';
import type { Skills } from '@reeve/skills';
import { cancelTask, listTasks, selectTask, type Enqueuer } from '@reeve/tasks';
import { z } from 'zod';
import { runAgent, AgentWork, type McpCaller, type McpRunParts } from './mcp-run.ts';

/** What the MCP server depends on. */
export interface McpParts extends McpRunParts, QueryEmbedders {
  readonly enqueue: Enqueuer;
  readonly memoryRulesOf: MemoryRulesOf;
  /** Where files of sessions are; undefined where that is another process. */
  readonly workspaces: Workspaces | undefined;
  readonly skills: Skills;
  /** This program's. */
  readonly version: string;
}

/** A tool that Reeve offers to clients of MCP. */
export interface ServedTool<Input extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly description: string;
  /** The least role that is offered it: that of the route which does the same. */
  readonly access: Role;
  readonly effect: 'none' | 'idempotent' | 'external';
  readonly input: Input;
  readonly call: (caller: McpCaller, input: z.output<Input>) => Promise<Record<string, unknown>>;
}

/** Agents that are tools of their own; the others are reached by run_agent. */
const AGENTS_OFFERED = 50;
const AGENT_PREFIX = 'agent__';

const page = {
  limit: z.int().min(1).max(200).default(50),
  offset: z.int().min(0).max(10_000_000).default(0),
};

/** The tools that are there for everybody. */
export function mcpTools(parts: McpParts): ServedTool[] {
  return [...runTools(parts), ...taskTools(parts), ...memoryTools(parts)];
}

/** Agents as tools by name: all for `*`, else the named one. */
export async function agentTools(parts: McpParts, tenantId: string, called: string | undefined): Promise<ServedTool[]> {
  const asked = called === '*' || called?.startsWith(AGENT_PREFIX);
  if (asked !== true) return [];
  const agents = await inTenant(parts.database.db, tenantId, async (tx) => {
    const one = called === '*' ? undefined : await findAgent(tx, tenantId, called!.slice(AGENT_PREFIX.length));
    if (called !== '*') return one === undefined ? [] : [one];
    await ensureBuiltinAgents(tx, tenantId);
    return (await listAgents(tx, tenantId, undefined, { limit: AGENTS_OFFERED, offset: 0 })).configs;
  });
  return agents.map(({ slug, name, description }) =>
    served({
      name: `${AGENT_PREFIX}${slug}`,
      description: `Gives work to the agent ${name} and answers with its result. ${description}`.trim(),
      access: 'member',
      effect: 'external',
      input: AgentWork,
      call: (caller, input) => runAgent(parts, caller, slug, input),
    }),
  );
}

function runTools(parts: McpParts): ServedTool[] {
  const { database, handler } = parts;
  const One = z.strictObject({ run_id: Id });
  return [
    served({
      name: 'list_agents',
      description: 'Lists the agents that can be given work, by name.',
      access: 'viewer',
      effect: 'none',
      input: z.strictObject({ q: text(1, 200).optional().describe('Part of a name or slug.'), ...page }),
      call: (caller, { q, ...paging }) =>
        within(parts, caller, async (tx, tenantId) => {
          await ensureBuiltinAgents(tx, tenantId);
          const { configs, total } = await listAgents(tx, tenantId, q, paging);
          const agents = configs.map(({ slug, name, description, tools }) => ({
            agent: slug,
            name,
            description,
            tools,
          }));
          return { agents, total };
        }),
    }),
    served({
      name: 'run_agent',
      description:
        'Gives work to an agent and answers with its result. Where that takes longer than timeout_ms, the status is "running": the run goes on, and get_run tells of it.',
      access: 'member',
      effect: 'external',
      input: AgentWork.extend({ agent: AgentRef.default('assistant').describe('The id or slug of the agent.') }),
      call: (caller, { agent, ...work }) => runAgent(parts, caller, agent, work),
    }),
    served({
      name: 'get_run',
      description: 'Tells how a run stands: its status, what it waits for, its result or its error, and what it used.',
      access: 'viewer',
      effect: 'none',
      input: One,
      call: (caller, { run_id: id }) =>
        within(parts, caller, async (tx, tenantId) => {
          const run = await selectRun(tx, tenantId, id);
          if (run === undefined) throw new ReeveError('not_found', `there is no run ${id}`);
          return { run };
        }),
    }),
    served({
      name: 'cancel_run',
      description: 'Stops a run at the next safe point.',
      access: 'member',
      effect: 'idempotent',
      input: One,
      call: async (caller, { run_id: id }) => ({ run: await cancelRun(database, handler, requesterOf(caller), id) }),
    }),
  ];
}

function taskTools(parts: McpParts): ServedTool[] {
  const { database, handler, enqueue } = parts;
  const One = z.strictObject({ task_id: Id });
  return [
    served({
      name: 'create_task',
      description:
        'Puts a task for an agent into the queue and answers at once. agent_id is the id or slug of an agent, such as "assistant"; task_type any word for the kind of task; the agent is told title, description and payload.',
      access: 'member',
      effect: 'external',
      input: TaskInput,
      call: async (caller, input) => ({ task: await enqueue.task(requesterOf(caller), input) }),
    }),
    served({
      name: 'list_tasks',
      description: 'Lists tasks, newest first.',
      access: 'viewer',
      effect: 'none',
      input: z.strictObject({
        status: TaskStatus.optional(),
        agent_id: AgentRef.optional().describe('The id or slug of an agent.'),
        q: text(1, 200).optional().describe('Part of a title.'),
        ...page,
      }),
      call: (caller, { status, agent_id: ref, q, ...paging }) =>
        within(parts, caller, async (tx, tenantId) => {
          const agentId = ref === undefined ? undefined : ((await findAgent(tx, tenantId, ref))?.slug ?? ref);
          return { ...(await listTasks(tx, tenantId, { status, agentId, q }, paging)) };
        }),
    }),
    served({
      name: 'get_task',
      description: 'Tells how a task stands: its status, what it waits for, its result or its error.',
      access: 'viewer',
      effect: 'none',
      input: One,
      call: (caller, { task_id: id }) =>
        within(parts, caller, async (tx, tenantId) => {
          const task = await selectTask(tx, tenantId, id);
          if (task === undefined) throw new ReeveError('not_found', `there is no task ${id}`);
          return { task };
        }),
    }),
    served({
      name: 'cancel_task',
      description: 'Cancels a task that has not ended.',
      access: 'member',
      effect: 'idempotent',
      input: One,
      call: async (caller, { task_id: id }) => ({ task: await cancelTask(database, handler, requesterOf(caller), id) }),
    }),
  ];
}

function memoryTools(parts: McpParts): ServedTool[] {
  return [
    served({
      name: 'remember',
      description: 'Stores a fact that agents and you can recall later. The same text is stored once.',
      access: 'member',
      effect: 'idempotent',
      input: RememberInput,
      call: async (caller, input) => {
        const rules = await parts.memoryRulesOf(caller.principal.tenantId);
        return within(parts, caller, (tx) => remember(tx, requesterOf(caller), input, rules));
      },
    }),
    served({
      name: 'recall',
      description:
        'Finds facts that were stored with remember, best match first, by words and, where there is an embedding model, by what they mean.',
      access: 'viewer',
      effect: 'none',
      input: RecallInput,
      call: async (caller, input) => {
        const asked = await embedderFor(parts, input.kinds)?.(caller.principal.tenantId, input.query);
        return within(parts, caller, (tx, tenantId) => recall(tx, tenantId, input, asked));
      },
    }),
    served({
      name: 'forget',
      description: 'Deletes a fact that was stored with remember, for good, by the id that recall gives it.',
      access: 'member',
      effect: 'idempotent',
      input: IdParams,
      call: async (caller, { id }) => {
        await within(parts, caller, (tx) => forget(tx, requesterOf(caller), id));
        return { forgotten: true };
      },
    }),
  ];
}

function within<T>(
  { database }: Pick<McpParts, 'database'>,
  { principal: { tenantId } }: McpCaller,
  work: (tx: Tx, tenantId: string) => Promise<T>,
): Promise<T> {
  return inTenant(database.db, tenantId, (tx) => work(tx, tenantId));
}

/** Infers a tool’s input type from its schema and passes only parsed input on. */
function served<Input extends z.ZodObject>(tool: ServedTool<Input>): ServedTool {
  return tool as unknown as ServedTool;
}
