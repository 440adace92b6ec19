/**
 * What a reader of a run sees, as a pure fold over its events.
 *
 * running ──result──► completed | failed | cancelled ──session_end──► (closed)
 *    ▲──────────────── any later event: the run's task was retried ──────┘
 *
 * Text and thinking grow per step; a `system` event with `discard_step` voids what that step had
 * streamed. A tool call is open until its result, or until the run ends without one; while people are
 * asked about it, and where it is the caller’s to make, it waits. A run that is put aside waits until its next event. Events at or
 * below the last applied `seq` change nothing, so replays and late deliveries are harmless.
 */
import { phaseOf, type RunEvent, type RunPhase, type RunWait, type ToolStatus, type Usage } from '@reeve/contract';

export interface ToolItem {
  readonly kind: 'tool';
  readonly step: number;
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
  /** `unknown` where the run ended and no result was recorded. */
  readonly status: 'running' | 'waiting' | ToolStatus | 'unknown';
  readonly output: unknown;
  readonly durationMs: number | null;
  readonly startedAt: string | null;
  /** The approval that people were asked for last, whatever they said. */
  readonly approvalId: string | null;
}

/** A piece of the view that is text. `said`: a person’s words to the run under way. */
interface Words<Kind extends string> {
  readonly kind: Kind;
  readonly step: number;
  readonly text: string;
}

export type ViewItem = Words<'text'> | Words<'thinking'> | Words<'notice'> | Words<'said'> | ToolItem;

export interface RunView {
  readonly runId: string;
  readonly sessionId: string | null;
  readonly agent: string | null;
  readonly model: string | null;
  /** Position of the last event applied; 0 before the first. */
  readonly lastSeq: number;
  readonly status: 'running' | 'completed' | 'failed' | 'cancelled';
  /** What the run is put aside for, in the server's words; null while it works. */
  readonly waiting: { readonly for: RunWait; readonly message: string } | null;
  /** True once `session_end` has come: nothing follows unless the run is retried. */
  readonly closed: boolean;
  readonly items: readonly ViewItem[];
  readonly usage: Usage | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly durationMs: number | null;
}

/** The view of a run of which nothing has been heard yet. */
export function emptyRunView(runId: string): RunView {
  return {
    runId,
    sessionId: null,
    agent: null,
    model: null,
    lastSeq: 0,
    status: 'running',
    waiting: null,
    closed: false,
    items: [],
    usage: null,
    error: null,
    durationMs: null,
  };
}

/** Applies one event. Events of other runs, repeated ones and those that come too late leave the view as it is. */
export function applyEvent(view: RunView, event: RunEvent): RunView {
  if (event.run_id !== view.runId || event.seq <= view.lastSeq) return view;
  const open = view.closed ? { ...view, ...REOPENED } : view;
  return { ...open, waiting: null, ...changesOf(open, event), lastSeq: event.seq };
}

const REOPENED = { status: 'running', closed: false, error: null, durationMs: null } as const;

function changesOf(view: RunView, event: RunEvent): Partial<RunView> {
  switch (event.type) {
    case 'session_start':
      return { sessionId: event.session_id, agent: event.agent };
    case 'system':
      return {
        ...(event.model !== undefined && { model: event.model }),
        ...(event.discard_step !== undefined && { items: withoutStreamed(view.items, event.discard_step) }),
        ...(event.waiting_for !== undefined && { waiting: { for: event.waiting_for, message: event.message } }),
        ...(needsNotice(event) && { items: withNotice(view.items, lastStep(view), sentence(event.message)) }),
      };
    case 'thinking':
    case 'text':
      return { items: withDelta(view.items, event.type, event.step, event.delta) };
    case 'tool_call':
      return { items: withToolCall(view.items, event) };
    case 'tool_result':
      return { items: withToolResult(view.items, event) };
    case 'approval_required':
      return { items: withQuestion(view.items, event) };
    case 'approval_decided':
      return { items: withDecision(view.items, event) };
    case 'handoff':
      return {
        items: withNotice(view.items, lastStep(view), `Handed over from ${event.from} to ${event.to}: ${event.reason}`),
      };
    case 'usage':
      return { usage: addUsage(view.usage, event.usage) };
    case 'error':
      return { error: { code: event.code, message: event.message } };
    case 'result':
      return {
        status: event.status,
        usage: event.usage,
        durationMs: event.duration_ms,
        items: withResult(settled(view.items), event.status === 'completed' ? event.result : null),
      };
    case 'session_end':
      return { closed: true, items: settled(view.items) };
  }
}

/** Phases that need no notice: every run has them, or the view shows them in another way. */
const SHOWN_OTHERWISE: ReadonlySet<RunPhase | undefined> = new Set([
  'queued',
  'started',
  'retrying',
  'step_restarted',
  'waiting',
]);

/** Whether a `system` event needs a notice because nothing else in the view shows it, such as a compaction. */
function needsNotice(event: Extract<RunEvent, { type: 'system' }>): boolean {
  return !SHOWN_OTHERWISE.has(phaseOf(event));
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

function lastStep(view: RunView): number {
  return view.items.at(-1)?.step ?? 0;
}

function withoutStreamed(items: readonly ViewItem[], step: number): ViewItem[] {
  return items.filter((item) => item.step !== step || item.kind === 'tool' || item.kind === 'notice');
}

function withDelta(items: readonly ViewItem[], kind: 'text' | 'thinking', step: number, delta: string): ViewItem[] {
  const last = items.at(-1);
  if (last?.kind === kind && last.step === step) return [...items.slice(0, -1), { ...last, text: last.text + delta }];
  return [...items, { kind, step, text: delta }];
}

function withToolCall(items: readonly ViewItem[], event: Extract<RunEvent, { type: 'tool_call' }>): ViewItem[] {
  const call: ToolItem = {
    kind: 'tool',
    step: event.step,
    id: event.tool_call_id,
    name: event.name,
    input: event.input,
    status: event.for_caller === true ? 'waiting' : 'running',
    output: null,
    durationMs: null,
    startedAt: event.timestamp,
    approvalId: null,
  };
  return withTool(items, call);
}

function withToolResult(items: readonly ViewItem[], event: Extract<RunEvent, { type: 'tool_result' }>): ViewItem[] {
  const called = items.find((item): item is ToolItem => item.kind === 'tool' && item.id === event.tool_call_id);
  return withTool(items, {
    kind: 'tool',
    step: called?.step ?? event.step,
    id: event.tool_call_id,
    name: event.name,
    input: called?.input ?? null,
    status: event.status,
    output: event.output,
    durationMs: event.duration_ms,
    startedAt: called?.startedAt ?? null,
    approvalId: called?.approvalId ?? null,
  });
}

function withQuestion(
  items: readonly ViewItem[],
  event: Extract<RunEvent, { type: 'approval_required' }>,
): readonly ViewItem[] {
  const called = items.find((item): item is ToolItem => item.kind === 'tool' && item.id === event.tool_call_id);
  return withTool(items, {
    kind: 'tool',
    step: event.step,
    id: event.tool_call_id,
    name: event.name,
    input: event.input,
    status: 'waiting',
    output: null,
    durationMs: null,
    startedAt: called?.startedAt ?? event.timestamp,
    approvalId: event.approval_id,
  });
}

function withDecision(
  items: readonly ViewItem[],
  { approval_id: approvalId }: Extract<RunEvent, { type: 'approval_decided' }>,
): readonly ViewItem[] {
  return items.map((item) =>
    item.kind === 'tool' && item.approvalId === approvalId ? { ...item, status: 'running' } : item,
  );
}

function withTool(items: readonly ViewItem[], tool: ToolItem): ViewItem[] {
  const place = items.findIndex((item) => item.kind === 'tool' && item.id === tool.id);
  return place < 0 ? [...items, tool] : items.with(place, tool);
}

function withNotice(items: readonly ViewItem[], step: number, text: string): ViewItem[] {
  return [...items, { kind: 'notice', step, text }];
}

function settled(items: readonly ViewItem[]): ViewItem[] {
  return items.map((item) =>
    item.kind === 'tool' && (item.status === 'running' || item.status === 'waiting')
      ? { ...item, status: 'unknown' }
      : item,
  );
}

/** The result is the whole answer and wins over what was streamed of it; an answer in several pieces that add up to it stays. */
function withResult(items: ViewItem[], result: string | null): ViewItem[] {
  if (result === null || result === '') return items;
  const last = items.at(-1);
  if (last?.kind !== 'text') return [...items, { kind: 'text', step: (last?.step ?? 0) + 1, text: result }];
  const streamed = items
    .filter((item) => item.kind === 'text')
    .map((item) => item.text)
    .join('');
  return streamed === result ? items : items.with(-1, { ...last, text: result });
}

function addUsage(sum: Usage | null, part: Usage): Usage {
  if (sum === null) return part;
  return {
    input_tokens: sum.input_tokens + part.input_tokens,
    output_tokens: sum.output_tokens + part.output_tokens,
    total_tokens: sum.total_tokens + part.total_tokens,
    cost_usd:
      sum.cost_usd === null || part.cost_usd === null
        ? null
        : String(Number((Number(sum.cost_usd) + Number(part.cost_usd)).toFixed(9))),
  };
}
