import { phaseOf, type RunEvent, type Usage } from '@reeve/contract';
import { howToDecide } from './approval-view.ts';
import type { RunSummary } from './run-stream.ts';
import { clip, dim, note, oneLine, printable } from './output.ts';

type SystemEvent = Extract<RunEvent, { type: 'system' }>;

/** How long a tool's input or output may be on its line. */
const LINE = 160;

export interface RunView {
  /** Questions to people are put elsewhere: only what is not asked there is told. */
  readonly asks?: boolean;
  /** Nothing is drawn but what somebody has to know while they wait. */
  readonly quiet?: boolean;
}

/**
 * Shows a run's events as they come: text on stdout where that is a terminal, thinking and tools on stderr where that is
 * one. Piped, it shows only what the run waits for, on stderr: the answer is printed at the end.
 */
export function createRunView({ asks = false, quiet = false }: RunView = {}): (event: RunEvent) => void {
  const answers = process.stdout.isTTY && !quiet;
  const progress = process.stderr.isTTY && !quiet;
  let open: 'text' | 'thinking' | undefined;

  function stream(kind: 'text' | 'thinking', delta: string): void {
    if (open !== kind) endLine();
    open = kind;
    if (kind === 'text') process.stdout.write(printable(delta));
    else process.stderr.write(dim(printable(delta), process.stderr));
  }
  function endLine(): void {
    if (open !== undefined) (open === 'text' ? process.stdout : process.stderr).write('\n');
    open = undefined;
  }
  function tell(text: string): void {
    endLine();
    if (progress) process.stderr.write(`${dim(printable(text), process.stderr)}\n`);
  }
  function tellAll(text: string): void {
    endLine();
    note(printable(text));
  }
  function system(event: SystemEvent): void {
    const phase = phaseOf(event);
    if (event.waiting_for === 'budget') tellAll(`reeve: the run waits: ${event.message}; or with "reeve budgets set"`);
    else if (phase === 'step_restarted') tell(`(${event.message}; its earlier output is void)`);
    else if (phase !== 'started') tell(`(${event.message})`);
  }

  return (event) => {
    switch (event.type) {
      case 'text':
        if (answers) stream('text', event.delta);
        break;
      case 'thinking':
        if (progress) stream('thinking', event.delta);
        break;
      case 'tool_call':
        tell(`→ ${event.name} ${shownInput(event.input)}`);
        break;
      case 'tool_result':
        tell(`← ${event.status} ${shownInput(event.output)} (${Math.round(event.duration_ms)} ms)`);
        break;
      case 'approval_required':
        if (!asks) tellAll(`reeve: ${shownQuestion(event)}\n${howToDecide(event.approval_id, event.kind)}`);
        break;
      case 'approval_decided':
        tell(`${event.decision === 'approve' ? '✓ approved' : '✗ rejected'}${event.reason ? `: ${event.reason}` : ''}`);
        break;
      case 'system':
        system(event);
        break;
      case 'result':
        endLine();
        break;
      default:
    }
  };
}

/** What somebody is asked about a tool call, in one line. */
export function shownQuestion({ kind, name, input }: Extract<RunEvent, { type: 'approval_required' }>): string {
  const call = `${name} ${shownInput(input)}`;
  if (kind === 'tool_call') return `a decision is waited for: may it call ${call}?`;
  return `a decision is waited for: nobody knows what became of the call ${call}, since the process stopped while it ran`;
}

/** What model calls used, in one line. */
export function shownUsage({ input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost_usd }: Usage): string {
  const cached = cached_tokens === undefined ? '' : ` (${cached_tokens} cached)`;
  const reasoning = reasoning_tokens === undefined ? '' : ` (${reasoning_tokens} reasoning)`;
  const cost = cost_usd === null ? '' : ` · ${cost_usd} USD`;
  return `${input_tokens} tokens in${cached}, ${output_tokens} out${reasoning}${cost}`;
}

function shownInput(value: unknown): string {
  return clip(oneLine(JSON.stringify(value) ?? ''), LINE);
}

/** A line on what a run used, for a terminal. */
export function tellUsage({ usage, steps, duration_ms, run_id, session_id }: RunSummary): void {
  if (!process.stderr.isTTY || usage === null) return;
  const used = `${shownUsage(usage)} · ${steps} steps · ${(duration_ms / 1000).toFixed(1)} s`;
  process.stderr.write(`${dim(`${used} · run ${run_id} · session ${session_id}`, process.stderr)}\n`);
}

/** A line on why a run has no answer. */
export function tellFailure({ status, error }: RunSummary): void {
  note(`reeve: ${printable(error?.message ?? `the run is ${status}`)}`);
}
