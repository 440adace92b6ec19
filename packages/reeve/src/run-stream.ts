import { ClientError, type Client } from '@reeve/client';
import { phaseOf, routes, type BodyInputOf, type RunEvent, type RunWait, type Usage } from '@reeve/contract';
import { onInterrupt } from './interrupt.ts';

export type RunRequest = Omit<BodyInputOf<typeof routes.chat>, 'stream' | 'timeout_ms'>;

/** What a run came to. */
export interface RunSummary {
  readonly run_id: string;
  readonly session_id: string;
  readonly task_id: string;
  readonly agent: string;
  /** `queued` where it was left before its end. */
  status: string;
  /** What it waited for then. */
  waiting_for: RunWait | null;
  /** Decisions that it waited for then. */
  approvals: { id: string; kind: string; name: string; input: unknown }[];
  result: string | null;
  error: { code: string; message: string } | null;
  readonly tool_calls: { id: string; name: string; input: unknown; status: string | null; output: unknown }[];
  usage: Usage | null;
  steps: number;
  duration_ms: number;
}

/** How a run was followed. */
export interface Followed {
  readonly summary: RunSummary;
  /** The exit code of the signal that cancelled it. */
  readonly interrupted: number | undefined;
  /** It was left before its end, and goes on without this reader. */
  readonly left: boolean;
}

/** Starts a run and yields its events to the end, through a server's restart too. */
export async function* streamRun(
  client: Client,
  request: RunRequest,
  signal?: AbortSignal,
): AsyncGenerator<RunEvent, void> {
  const stop = signal === undefined ? {} : { signal };
  let last: RunEvent | undefined;
  try {
    for await (const event of client.stream(routes.chat, { body: { ...request, stream: true }, ...stop })) {
      last = event;
      yield event;
    }
    return;
  } catch (error) {
    if (last === undefined || !(error instanceof ClientError) || error.code !== 'unreachable') throw error;
  }
  yield* client.followRun(last.run_id, { after: last.seq, ...stop });
}

/**
 * Follows a run to its end, or until the signal aborts, shows each event, and sums up. The first interrupt cancels the run
 * and is answered with its exit code once the run has ended; a second one ends the process.
 */
export async function runToEnd(
  client: Client,
  events: AsyncIterable<RunEvent>,
  show: (event: RunEvent) => void,
  signal: AbortSignal,
): Promise<Followed> {
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
  let left = false;
  try {
    for await (const event of events) {
      show(event);
      summary = summarize(summary, event);
      if (interrupted !== undefined) cancel();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    left = true;
  }
  await cancelling;
  if (summary === undefined)
    throw new ClientError({ status: 0, code: 'unreachable', message: 'the stream of the run held no event' });
  return { summary, interrupted, left };
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
      waiting_for: null,
      approvals: [],
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
    case 'tool_call': {
      const { tool_call_id: id, name, input } = event;
      before.tool_calls.push({ id, name, input, status: null, output: null });
      break;
    }
    case 'tool_result': {
      const call = before.tool_calls.findLast(({ id }) => id === event.tool_call_id);
      if (call !== undefined) Object.assign(call, { status: event.status, output: event.output });
      break;
    }
    case 'approval_required': {
      const { approval_id: id, kind, name, input } = event;
      before.approvals.push({ id, kind, name, input });
      break;
    }
    case 'approval_decided':
      Object.assign(before, { waiting_for: null, status: 'running' });
      before.approvals = before.approvals.filter(({ id }) => id !== event.approval_id);
      break;
    case 'system':
      if (event.waiting_for !== undefined) before.waiting_for = event.waiting_for;
      before.status = statusAfter(event) ?? before.status;
      break;
    case 'error':
      before.error = { code: event.code, message: event.message };
      break;
    case 'result':
      Object.assign(before, {
        status: event.status,
        waiting_for: null,
        approvals: [],
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

/** The run's status after a `system` event; undefined where the event leaves it as it was. */
function statusAfter(event: Extract<RunEvent, { type: 'system' }>): 'queued' | 'running' | undefined {
  switch (phaseOf(event)) {
    case 'queued':
    case 'waiting':
      return 'queued';
    case 'started':
      return 'running';
    default:
      return undefined;
  }
}
