import { z } from 'zod';
import { Id, IdParams, JsonObject, Time, Usage, listOf, paging, text } from '../common.ts';
import { RunEvent } from '../events.ts';
import { defineRoute } from '../route.ts';
import { AgentRef } from './names.ts';
import { Attachment, AttachmentPaths } from './workspaces.ts';

const endpoints = 'Runs: start and wait';
const tag = 'Runs';

export const RUN_STATUSES = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;
export const RunStatus = z.enum(RUN_STATUSES);
export type RunStatus = z.infer<typeof RunStatus>;

/** What keeps a run that has begun from going on: a person's decision, money, the end of its child runs, a model that takes no calls, or its caller. */
export const RunWait = z.enum(['approval', 'budget', 'dependencies', 'model', 'caller']);
export type RunWait = z.infer<typeof RunWait>;

/** What becomes of a message to a session whose run has not ended. */
export const Multitask = z
  .enum(['enqueue', 'reject', 'interrupt', 'rollback'])
  .describe(
    'Where the session is busy: wait for its run to end, answer 409, stop that run and keep what it did, or stop it and forget it.',
  );
export type Multitask = z.infer<typeof Multitask>;

export const Run = z
  .object({
    id: Id,
    tenant_id: z.string(),
    task_id: Id,
    agent_id: Id,
    agent: z.string().describe('The agent’s slug.'),
    agent_version: z.number().int(),
    session_id: Id,
    door: z.string().describe('The endpoint or protocol that started it: execute, plan, query, chat, …'),
    status: RunStatus,
    waiting_for: RunWait.nullable().describe('What a run that has begun waits for; its status is then `queued`.'),
    multitask: Multitask,
    parent_run_id: Id.nullable().describe('The run that gave it its work and waits for it.'),
    root_run_id: Id.describe(
      'The run at the root of the tree, whose budget all of it shares: its own id where it has no parent.',
    ),
    children: z.array(Id).describe('The runs that it gave work to, oldest first.'),
    forked_from: Id.nullable().describe('The run whose steps below `fork_step` this one shares.'),
    fork_step: z.number().int().nullable(),
    input: z.string(),
    attachments: z.array(Attachment).optional().describe('The files that came with it; left out where none did.'),
    result: z.string().nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    usage: Usage,
    tree_usage: Usage.optional().describe(
      'What it and all runs below it used: there where one run is asked for that gave work to others and has no parent.',
    ),
    steps: z.number().int(),
    trace_id: z.string(),
    created_at: Time,
    started_at: Time.nullable(),
    ended_at: Time.nullable(),
    duration_ms: z.number().nullable(),
  })
  .meta({ id: 'Run' });
export type Run = z.infer<typeof Run>;

export const Step = z
  .object({
    run_id: Id.describe('The run that made it: another one where a fork shares it.'),
    number: z.number().int(),
    kind: z
      .enum(['model', 'tool', 'message', 'compaction'])
      .describe('`message`: said to the run under way. `compaction`: a summary that stands for older messages.'),
    name: z.string(),
    tool_call_id: z.string().nullable(),
    input: z.unknown(),
    output: z.unknown(),
    status: z.enum(['pending', 'settled']),
    outcome: z
      .string()
      .nullable()
      .describe(
        'Once settled: success, error, timeout, denied, circuit_open, cancelled, or unknown where a crash hid what became of it.',
      ),
    attempt: z.number().int().describe('How often it was begun; 0 while it waits for the calls before it.'),
    child_run_id: Id.nullable().describe('The run that the call opened, and whose end is its outcome.'),
    input_tokens: z.number().int().nullable(),
    output_tokens: z.number().int().nullable(),
    cost_usd: z.string().nullable(),
    started_at: Time,
    ended_at: Time.nullable(),
  })
  .meta({ id: 'Step' });
export type Step = z.infer<typeof Step>;

const timeout_ms = z
  .number()
  .int()
  .min(1)
  .max(600_000)
  .optional()
  .describe('How long to wait; the run goes on after it.');
const prompt = text(1, 200_000);
const multitask = Multitask.default('enqueue');

export const execute = defineRoute({
  method: 'POST',
  path: '/execute',
  tag: endpoints,
  access: 'member',
  creates: true,
  summary: 'Run a task and wait for its result',
  description:
    'Waits 10 s (`GATEWAY_TIMEOUT_MS`) unless `timeout_ms` says otherwise; then 504 with the `run_id`. A run that certainly was not started is started again, up to 3 attempts in all; a 504 without `run_id` means that it is not known whether there is a run. 503 `circuit_open` with `Retry-After` where runs could not be started, or those of this agent failed, several times.',
  body: z.strictObject({
    task: prompt,
    parameters: JsonObject.default({}),
    agent: AgentRef.optional(),
    session_id: Id.optional(),
    multitask,
    timeout_ms,
  }),
  responses: {
    200: z.object({
      status: z.string(),
      result: z.string().nullable(),
      run_id: Id,
      agent: z.string(),
      duration_ms: z.number(),
      request_id: z.string(),
    }),
  },
});

/** `/run` and `/plan` take a task with parameters, or a prompt with a session. */
export const PlanBody = z
  .strictObject({
    task: prompt.optional(),
    parameters: JsonObject.optional(),
    prompt: prompt.optional(),
    session_id: Id.optional(),
    resources: z.array(z.unknown()).max(100).optional(),
    multitask,
    agent: AgentRef.optional(),
    timeout_ms,
  })
  .refine((body) => (body.task === undefined) !== (body.prompt === undefined), {
    message: 'give either task or prompt',
    path: ['task'],
  });
const PlanAnswer = z.object({
  result: z.string().nullable(),
  run_id: Id,
  session_id: Id,
  trace_id: z.string(),
  steps: z.number().int(),
  duration_ms: z.number(),
});
export const run = defineRoute({
  method: 'POST',
  path: '/run',
  tag: endpoints,
  access: 'member',
  creates: true,
  summary: 'Plan and run a prompt',
  body: PlanBody,
  responses: { 200: PlanAnswer },
});
export const plan = defineRoute({
  method: 'POST',
  path: '/plan',
  tag: endpoints,
  access: 'member',
  creates: true,
  summary: 'Plan and run a prompt',
  body: PlanBody,
  responses: { 200: PlanAnswer },
});
export const planV1 = defineRoute({
  method: 'POST',
  path: '/api/v1/plan',
  tag: endpoints,
  access: 'member',
  creates: true,
  summary: 'Plan a prompt',
  body: z.strictObject({ prompt, agent: AgentRef.optional(), session_id: Id.optional(), multitask, timeout_ms }),
  responses: {
    200: z.object({
      service: z.string(),
      status: z.string(),
      plan: z
        .array(z.object({ step: z.number().int(), kind: z.string(), name: z.string() }))
        .describe('What the agent did, step by step.'),
      llm_response: z.string().nullable(),
      run_id: Id,
    }),
  },
});
export const query = defineRoute({
  method: 'POST',
  path: '/query',
  tag: endpoints,
  access: 'member',
  creates: true,
  summary: 'Ask an agent',
  body: z
    .strictObject({
      message: prompt.optional(),
      prompt: prompt.optional(),
      agent_config_id: AgentRef.optional(),
      session_id: Id.optional(),
      multitask,
      timeout_ms,
    })
    .refine((body) => (body.message === undefined) !== (body.prompt === undefined), {
      message: 'give either message or prompt',
      path: ['message'],
    }),
  responses: { 200: z.object({ response: z.string().nullable(), run_id: Id, session_id: Id, usage: Usage }) },
});
export const chat = defineRoute({
  method: 'POST',
  path: '/api/v1/agents/chat',
  tag: endpoints,
  access: 'member',
  creates: true,
  summary: 'Chat with an agent, streaming or not',
  body: z
    .strictObject({
      agent_config_id: AgentRef,
      message: text(0, 200_000),
      attachments: AttachmentPaths.default([]),
      session_id: Id.optional(),
      stream: z.boolean().default(true),
      multitask,
      timeout_ms,
    })
    .refine(({ message, attachments }) => message !== '' || attachments.length > 0, {
      message: 'must be 1 to 200000 characters, unless files come with it',
      path: ['message'],
    }),
  events: RunEvent,
  responses: {
    200: z.object({
      status: z.literal('success'),
      response: z.object({
        success: z.boolean(),
        result: z.object({
          response: z.string().nullable(),
          usage: Usage,
          tool_calls: z.array(z.object({ name: z.string(), input: z.unknown(), output: z.unknown() })),
        }),
      }),
      run_id: Id,
      session_id: Id,
    }),
  },
});

export const listRuns = defineRoute({
  method: 'GET',
  path: '/api/v1/runs',
  tag,
  access: 'viewer',
  summary: 'Runs, newest first',
  query: z.strictObject({
    ...paging,
    agent_id: AgentRef.optional(),
    session_id: Id.optional(),
    task_id: Id.optional(),
    status: RunStatus.optional(),
    trace_id: text(1, 128).optional(),
  }),
  responses: { 200: listOf('runs', Run) },
});
export const getRun = defineRoute({
  method: 'GET',
  path: '/api/v1/runs/{id}',
  tag,
  access: 'viewer',
  summary: 'One run',
  params: IdParams,
  responses: { 200: Run },
});
export const listSteps = defineRoute({
  method: 'GET',
  path: '/api/v1/runs/{id}/steps',
  tag,
  access: 'viewer',
  summary: 'The steps of a run, in order',
  params: IdParams,
  query: z.strictObject({ ...paging }),
  responses: { 200: listOf('steps', Step) },
});
export const streamRun = defineRoute({
  method: 'GET',
  path: '/api/v1/runs/{id}/events',
  tag,
  access: 'viewer',
  summary: 'Events of a run, live or replayed',
  description: 'From the start, or after `Last-Event-ID` or `?after=`. A finished run replays and ends.',
  params: IdParams,
  query: z.strictObject({ after: z.coerce.number().int().min(0).max(2_147_483_647).optional() }),
  events: RunEvent,
  responses: { 200: z.string() },
  produces: 'text/event-stream',
});
export const cancelRun = defineRoute({
  method: 'POST',
  path: '/api/v1/runs/{id}/cancel',
  tag,
  access: 'member',
  summary: 'Stop a run',
  description: 'At the next safe point; 409 where it has ended.',
  params: IdParams,
  responses: { 200: Run },
});
export const forkRun = defineRoute({
  method: 'POST',
  path: '/api/v1/runs/{id}/fork',
  tag,
  access: 'member',
  creates: true,
  summary: 'Begin a new run that shares the steps before one',
  description:
    'In a session of its own, which begins with what the run’s session held before it. With `message` the new run is told that next: in place of the first message where `from_step` is 1, else after the shared steps, which must then end with no tool call open. `from_step` may be one more than the number of steps.',
  params: IdParams,
  body: z.strictObject({ from_step: z.number().int().min(1), message: prompt.optional() }),
  responses: { 201: Run },
});
