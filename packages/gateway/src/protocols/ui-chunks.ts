import type { RunEvent, UiMessageChunk } from '@reeve/contract';
import { callerCallId } from '@reeve/runs';

/** How a reader follows a run over the AI SDK’s UI message stream. */
export interface UiReading {
  /** True if one of these approvals is still undecided. */
  readonly stillWaits: (approvalIds: readonly string[]) => Promise<boolean>;
  /** Approvals that the reader has just decided: earlier events are already in its message. */
  readonly decided?: readonly string[];
  /** The last event before outputs that the reader has just given: what came before is in its message already. */
  readonly after?: number;
  /** True where the run still waits for outputs of the reader’s tools; left out where the reader has just asked or answered. */
  readonly stillAsked?: () => Promise<boolean>;
}

type Open = { readonly kind: 'text' | 'reasoning'; readonly id: string };

/**
 * A run as the chunks of one message. It ends where the run does, and where the run waits for a person or for the client’s own tools:
 * the client answers with its next request, and the rest comes as the answer to that. A step of the stream is a model’s answer with the calls
 * that it made.
 */
export async function* chunksOfRun(
  runId: string,
  events: AsyncIterable<RunEvent>,
  { stillWaits, decided = [], after = 0, stillAsked = async () => true }: UiReading,
): AsyncGenerator<UiMessageChunk, void> {
  const fold = createFold(runId);
  const awaited = new Set(decided);
  let told = awaited.size === 0;
  let end: Extract<RunEvent, { type: 'result' }> | undefined;
  let failure: Extract<RunEvent, { type: 'error' }> | undefined;
  for await (const event of events) {
    const chunks = fold.take(event);
    // Decisions are carried out one after another: the rest of the message begins behind the first of them.
    const isTheirs = event.type === 'approval_decided' && awaited.has(event.approval_id);
    if ((told && !isTheirs && event.seq > after) || event.type === 'session_start') yield* chunks;
    if (event.type === 'error') failure = event;
    if (event.type === 'result') end = event;
    told ||= isTheirs || end !== undefined;
    if (event.type !== 'system' || (event.waiting_for !== 'approval' && event.waiting_for !== 'caller')) continue;
    const closing = fold.close();
    const asked = [...fold.asked.keys()];
    const isLast =
      event.waiting_for === 'caller'
        ? told && event.seq > after && (await stillAsked())
        : event.seq > after && asked.length > 0 && (await stillWaits(asked));
    if (isLast) {
      yield* closing;
      yield { type: 'finish', finishReason: 'tool-calls', messageMetadata: fold.metadata() };
      return;
    }
    if (told && event.seq > after) yield* closing;
  }
  if (end === undefined) return;
  yield* fold.close();
  if (end.status === 'failed') {
    yield { type: 'error', errorText: failure?.message ?? 'the run failed' };
  } else if (end.status === 'cancelled') {
    yield { type: 'abort', reason: failure?.message ?? 'the run was stopped' };
  } else {
    yield { type: 'finish', finishReason: 'stop', messageMetadata: { ...fold.metadata(), usage: end.usage } };
  }
}

function createFold(runId: string) {
  /** Pending approvals with their calls. */
  const asked = new Map<string, string>();
  /** Calls that required approval. */
  const judged = new Set<string>();
  /** Steps that are calls of the client’s own tools. */
  const ofClient = new Set<number>();
  let sessionId = '';
  let step: number | undefined;
  let open: Open | undefined;
  let parts = 0;

  const idOf = (event: Extract<RunEvent, { type: 'tool_call' | 'tool_result' }>) =>
    ofClient.has(event.step) ? callerCallId(runId, event.step) : callId(event);
  function* closePart(): Generator<UiMessageChunk> {
    if (open !== undefined) yield { type: `${open.kind}-end`, id: open.id };
    open = undefined;
  }
  function* close(): Generator<UiMessageChunk> {
    yield* closePart();
    if (step !== undefined) yield { type: 'finish-step' };
    step = undefined;
  }
  function* begin(number: number): Generator<UiMessageChunk> {
    if (step === number) return;
    yield* close();
    step = number;
    yield { type: 'start-step' };
  }
  function* stream(kind: Open['kind'], number: number, delta: string): Generator<UiMessageChunk> {
    yield* begin(number);
    if (open?.kind !== kind) {
      yield* closePart();
      open = { kind, id: `${kind}-${++parts}` };
      yield { type: `${kind}-start`, id: open.id };
    }
    yield { type: `${kind}-delta`, id: open.id, delta };
  }
  function* take(event: RunEvent): Generator<UiMessageChunk> {
    switch (event.type) {
      case 'session_start':
        if (sessionId !== '') return;
        sessionId = event.session_id;
        return yield { type: 'start', messageId: `msg-${runId}`, messageMetadata: metadata() };
      case 'system':
        if (event.discard_step === undefined || event.discard_step !== step) return;
        open = undefined;
        return yield { type: 'reset-step' };
      case 'thinking':
        return yield* stream('reasoning', event.step, event.delta);
      case 'text':
        return yield* stream('text', event.step, event.delta);
      case 'usage':
        return yield* begin(event.step);
      case 'tool_call':
        yield* closePart();
        if (event.for_caller === true) ofClient.add(event.step);
        return yield {
          type: 'tool-input-available',
          toolCallId: idOf(event),
          toolName: event.name,
          input: event.input ?? {},
          dynamic: true,
          ...(!ofClient.has(event.step) && { providerExecuted: true }),
        };
      case 'tool_result':
        return yield resultOf(event, idOf(event), judged.has(callId(event)), !ofClient.has(event.step));
      case 'approval_required':
        asked.set(event.approval_id, callId(event));
        judged.add(callId(event));
        return yield { type: 'tool-approval-request', approvalId: event.approval_id, toolCallId: callId(event) };
      case 'approval_decided':
        asked.delete(event.approval_id);
        return yield {
          type: 'tool-approval-response',
          approvalId: event.approval_id,
          approved: event.decision === 'approve',
          ...(event.reason !== null && { reason: event.reason }),
        };
      case 'handoff':
      case 'error':
      case 'result':
      case 'session_end':
        return;
    }
  }
  const metadata = () => ({ run_id: runId, session_id: sessionId });
  return { asked, take: (event: RunEvent) => [...take(event)], close: () => [...close()], metadata };
}

function resultOf(
  { status, output }: Extract<RunEvent, { type: 'tool_result' }>,
  toolCallId: string,
  judged: boolean,
  isOurs: boolean,
): UiMessageChunk {
  const common = { toolCallId, dynamic: true, ...(isOurs && { providerExecuted: true }) };
  if (status === 'success') return { type: 'tool-output-available', ...common, output: output ?? null };
  if (status === 'denied' && judged) return { type: 'tool-output-denied', toolCallId };
  const errorText = typeof output === 'string' ? output : JSON.stringify(output ?? status);
  return { type: 'tool-output-error', ...common, errorText };
}

/** Unique in the run, even if a model repeats an ID. */
function callId({ tool_call_id, step }: { readonly tool_call_id: string; readonly step: number }): string {
  return `${tool_call_id}-${step}`;
}
