import { ClientError, type Client } from '@reeve/client';
import { routes, type BodyInputOf, type RunEvent } from '@reeve/contract';
import { onInterrupt } from './interrupt.ts';

export type RunRequest = Omit<BodyInputOf<typeof routes.chat>, 'stream' | 'timeout_ms'>;

/** What a run came to. */
export interface RunSummary {
  readonly run_id: string;
  readonly session_id: string;
  readonly task_id: string;
  readonly agent: string;
  status: string;
  result: string | null;
  error: { code: string; message: string } | null;
  readonly tool_calls: { name: string; input: unknown; status: string | null; output: unknown }[];
  usage: Extract<RunEvent, { type: 'result' }>['usage'] | null;
  steps: number;
  duration_ms: number;
}

/** Starts a run and yields its events to the end, through a server's restart too. */
export async function* streamRun(client: Client, request: RunRequest): AsyncGenerator<RunEvent, void> {
  let last: RunEvent | undefined;
  try {
    for await (const event of client.stream(routes.chat, { body: { ...request, stream: true } })) {
      last = event;
      yield event;
    }
    return;
  } catch (error) {
    if (last === undefined || !(error instanceof ClientError) || error.code !== 'unreachable') throw error;
  }
  yield* client.followRun(last.run_id, { after: last.seq });
}

/**
 * Runs to the end, shows each event, and sums up. The first interrupt cancels the run and is answered with its exit
 * code once the run has ended; a second one ends the process.
 */
export async function runToEnd(
  client: Client,
  request: RunRequest,
  show: (event: RunEvent) => void,
): Promise<{ summary: RunSummary; interrupted: number | undefined }> {
  let interrupted: number | undefined;
  let summary: RunSummary | undefined;
  let cancelling: Promise<unknown> | undefined;
  const cancel = () => {
    if (summary === undefined || cancelling !== undefined) return;
    // It may have ended by itself meanwhile, which is as good.
    cancelling = client.call(routes.cancelRun, { params: { id: summary.run_id } }).catch(() => undefined);
  };
  using _ = onInterrupt((exitCode) => {
    interrupted = exitCode;
    cancel();
  });
  for await (const event of streamRun(client, request)) {
    show(event);
    summary = summarize(summary, event);
    if (interrupted !== undefined) cancel();
  }
  await cancelling;
  if (summary === undefined)
    throw new ClientError({ status: 0, code: 'unreachable', message: 'the stream of the run held no event' });
  return { summary, interrupted };
}

function summarize(before: RunSummary | undefined, event: RunEvent): RunSummary | undefined {
  if (event.type === 'session_start') {
    const { run_id, session_id, task_id, agent } = event;
    return {
      run_id,
      session_id,
      task_id,
      agent,
      status: 'running',
      result: null,
      error: null,
      tool_calls: [],
      usage: null,
      steps: 0,
      duration_ms: 0,
    };
  }
  if (before === undefined) return undefined;
  switch (event.type) {
    case 'tool_call':
      before.tool_calls.push({ name: event.name, input: event.input, status: null, output: null });
      break;
    case 'tool_result': {
      const open = before.tool_calls.find(({ name, status }) => name === event.name && status === null);
      if (open !== undefined) Object.assign(open, { status: event.status, output: event.output });
      break;
    }
    case 'error':
      before.error = { code: event.code, message: event.message };
      break;
    case 'result':
      Object.assign(before, {
        status: event.status,
        result: event.result,
        usage: event.usage,
        steps: event.steps,
        duration_ms: event.duration_ms,
      });
      break;
    default:
  }
  return before;
}
