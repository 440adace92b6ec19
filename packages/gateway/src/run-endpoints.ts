import { routes } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import { EventStream, requesterOf, type App, type Call } from '@reeve/http';
import {
  listSteps,
  startRun,
  waitForRun,
  type EndedRun,
  type Feed,
  type RunRequest,
  type StartParts,
  type StartedRun,
} from '@reeve/runs';
import { invalidField } from '@reeve/kit';
import { findFiles, type AttachmentPlace } from './attachments.ts';
import type { RunExecutor } from './execute-with-retry.ts';
import type { SettingsOf } from './settings.ts';

/** How long an endpoint waits for its run unless the caller says, in milliseconds. */
const WAIT_MS = 120_000;

/** Mounts the endpoints that start a run. They differ only in the fields of request and response. */
export function mountRunEndpoints(
  app: App,
  parts: StartParts & Pick<AttachmentPlace, 'workspaces'>,
  executor: RunExecutor,
  settings: SettingsOf,
): void {
  const requestOf = async (call: CallerContext, source: string, run: RunInput): Promise<RunRequest> => ({
    ...run,
    requester: requesterOf(call),
    source,
    agent: run.agent ?? (await settings.of(call.principal.tenantId)).defaultAgent,
  });
  const start = async (call: CallerContext, source: string, run: RunInput): Promise<StartedRun> =>
    startRun(parts, await requestOf(call, source, run));

  app.mount(routes.execute, async (call) => {
    const { task, parameters, agent, session_id, multitask, timeout_ms } = call.body;
    const run = {
      agent,
      input: withParameters(task, parameters),
      payload: { task, parameters },
      sessionId: session_id,
      multitask,
    };
    const waitMs = timeout_ms ?? (await settings.of(call.principal.tenantId)).gatewayTimeoutMs;
    const request = await requestOf(call, 'execute', run);
    const { started, ended } = await executor.execute(request, waitMs, call.signal);
    const { result } = ended;
    return {
      status: result.status,
      result: result.result,
      run_id: started.runId,
      agent: started.agent,
      duration_ms: result.duration_ms,
      request_id: call.context.requestId,
    };
  });

  for (const route of [routes.run, routes.plan]) {
    app.mount(route, async (call) => {
      const { task, parameters, prompt, session_id, agent, multitask, timeout_ms } = call.body;
      const input = withParameters(task ?? prompt ?? '', parameters ?? {});
      const run = { agent, input, payload: { input }, sessionId: session_id, multitask };
      const started = await start(call, 'plan', run);
      const { result } = await finish(parts.feed, call, started, timeout_ms ?? WAIT_MS);
      const { runId: run_id, sessionId } = started;
      return {
        result: result.result,
        run_id,
        session_id: sessionId,
        trace_id: call.context.traceId,
        steps: result.steps,
        duration_ms: result.duration_ms,
      };
    });
  }

  app.mount(routes.planV1, async (call) => {
    const { prompt, agent, session_id, multitask, timeout_ms } = call.body;
    const started = await start(call, 'plan', {
      agent,
      input: prompt,
      payload: { prompt },
      sessionId: session_id,
      multitask,
    });
    const { result } = await finish(parts.feed, call, started, timeout_ms ?? WAIT_MS);
    const { tenantId } = call.principal;
    const { steps } = await inTenant(parts.database.db, tenantId, (tx) =>
      listSteps(tx, tenantId, started.runId, { limit: 200, offset: 0 }),
    );
    return {
      service: 'reeve',
      status: 'success',
      plan: steps.map(({ number, kind, name }) => ({ step: number, kind, name })),
      llm_response: result.result,
      run_id: started.runId,
    };
  });

  app.mount(routes.query, async (call) => {
    const { message, prompt, agent_config_id, session_id, multitask, timeout_ms } = call.body;
    const input = message ?? prompt ?? '';
    const started = await start(call, 'query', {
      agent: agent_config_id,
      input,
      payload: { message: input },
      sessionId: session_id,
      multitask,
    });
    const { result } = await finish(parts.feed, call, started, timeout_ms ?? WAIT_MS);
    return { response: result.result, run_id: started.runId, session_id: started.sessionId, usage: result.usage };
  });

  app.mount(routes.chat, async (call) => {
    const { agent_config_id, message, attachments, session_id, stream, multitask, timeout_ms } = call.body;
    if (attachments.length > 0 && session_id === undefined)
      throw invalidField('session_id', 'is required with attachments, which are files of the session');
    const { tenantId } = call.principal;
    const place = { workspaces: parts.workspaces, tenantId, sessionId: session_id ?? '' };
    const started = await start(call, 'chat', {
      agent: agent_config_id,
      input: message,
      attachments: await findFiles(place, attachments),
      payload: { message },
      sessionId: session_id,
      multitask,
    });
    if (stream) return streamOf(parts.feed, call.principal.tenantId, started.runId, 0);
    const { result, toolCalls } = await finish(parts.feed, call, started, timeout_ms ?? WAIT_MS);
    return {
      status: 'success' as const,
      response: { success: true, result: { response: result.result, usage: result.usage, tool_calls: [...toolCalls] } },
      run_id: started.runId,
      session_id: started.sessionId,
    };
  });
}

/** A run's events as an answer, after a number. */
export function streamOf(feed: Feed, tenantId: string, runId: string, after: number): EventStream {
  return new EventStream(async function* (signal) {
    for await (const event of feed.follow(tenantId, runId, after, signal)) yield { id: event.seq, data: event };
  }, runId);
}

type CallerContext = Pick<Call<unknown>, 'principal' | 'context'>;
type RunInput = Pick<RunRequest, 'input' | 'attachments' | 'payload' | 'sessionId' | 'multitask'> & {
  readonly agent: string | undefined;
};

function finish(
  feed: Feed,
  { principal, signal }: Pick<Call<unknown>, 'principal' | 'signal'>,
  { runId }: StartedRun,
  waitMs: number,
): Promise<EndedRun> {
  return waitForRun(feed, principal.tenantId, runId, waitMs, signal);
}

function withParameters(task: string, parameters: Readonly<Record<string, unknown>>): string {
  return Object.keys(parameters).length === 0 ? task : `${task}\n\nParameters:\n${JSON.stringify(parameters, null, 2)}`;
}
