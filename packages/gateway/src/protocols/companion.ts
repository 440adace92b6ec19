import { CompanionFrame, routes, type RunEvent } from '@reeve/contract';
import { errorFrame, validate, type App, type Connection } from '@reeve/http';
import { newId, ReeveError } from '@reeve/kit';
import { startAgentRun } from './agent-run.ts';
import type { Caller, ProtocolParts } from './protocol.ts';
import { runFailure } from './run-failure.ts';

/** How many messages of one connection are answered at once. */
const AT_ONCE = 16;
const DEFAULT_AGENT = 'assistant';

/**
 * Mounts the companion’s WebSocket. Each message starts a run, whose frames carry its `run_id`; several are answered at once,
 * since a message may be meant to interrupt the one before. A connection that closes leaves its runs alone.
 */
export function mountCompanion(app: App, parts: ProtocolParts): void {
  app.mountSocket(routes.companion, async ({ principal, context, again }) => ({
    async serve(connection) {
      const caller = { principal, context };
      const session = newId();
      const underWay = new Set<Promise<void>>();
      for await (const frame of connection.frames()) {
        if (underWay.size >= AT_ONCE) {
          const message = `more than ${AT_ONCE} messages at once; wait for an answer`;
          await tell(connection, caller, new ReeveError('rate_limited', message));
          continue;
        }
        // Each message is a request of its own.
        const work = again()
          .then(() => answer(parts, caller, connection, frame, session))
          .catch((error: unknown) => {
            if (ReeveError.from(error).reason === 'internal') parts.log.error({ err: error }, 'a message failed');
            return tell(connection, caller, error);
          })
          .finally(() => underWay.delete(work));
        underWay.add(work);
      }
      await Promise.all(underWay);
    },
  }));
}

async function answer(
  parts: ProtocolParts,
  caller: Caller,
  connection: Connection,
  frame: unknown,
  session: string,
): Promise<void> {
  const { prompt, session_id, resources, agent, multitask } = validate(CompanionFrame, frame, 'body').payload;
  const started = await startAgentRun(
    parts,
    { ...caller, signal: connection.signal },
    {
      source: 'companion',
      agent: agent ?? DEFAULT_AGENT,
      agentField: 'payload.agent',
      input: resources?.length ? `${prompt}\n\nResources:\n${JSON.stringify(resources, null, 2)}` : prompt,
      files: [],
      earlier: [],
      session: session_id ?? session,
      payload: { prompt, resources: resources ?? [] },
      multitask,
    },
  );
  const { runId, sessionId } = started;
  const about = { ...idsOf(caller), run_id: runId, session_id: sessionId };
  await connection.send('ack', about);
  let failure: Extract<RunEvent, { type: 'error' }> | undefined;
  let result: Extract<RunEvent, { type: 'result' }> | undefined;
  for await (const event of parts.feed.follow(caller.principal.tenantId, runId, 0, connection.signal)) {
    if (event.type === 'result') result = event;
    // An error is the last frame of its message.
    if (event.type === 'error') failure = event;
    else await connection.send(event.type, event);
  }
  if (result?.status === 'completed')
    await connection.send('agi_response', { ...about, result: result.result, usage: result.usage });
  else await tell(connection, caller, runFailure(runId, failure));
}

function tell(connection: Connection, caller: Caller, error: unknown): Promise<void> {
  return connection.send('error', { ...errorFrame(error), ...idsOf(caller) });
}

function idsOf({ context }: Caller): Readonly<Record<string, string>> {
  return { request_id: context.requestId, trace_id: context.traceId };
}
